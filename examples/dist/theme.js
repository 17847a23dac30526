// Before anything is painted: the theme that was chosen, if one was. Else the system's holds, by the stylesheet alone.
try {
  const theme = localStorage.getItem('keywire-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* no storage, no choice */ }
