//! Commands as bytes: each an array of byte strings, `SELECT` where the database changes.

/// Writes one file. Every file begins anew: its first command says which database it is about.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// The database that the last command was about.
    db: Option<usize>,
}

impl Encoder {
    /// What follows is about this database.
    pub(super) fn select(&mut self, db: usize, out: &mut Vec<u8>) {
        if self.db.replace(db) != Some(db) {
            line(&[&b"SELECT"[..], itoa::Buffer::new().format(db).as_bytes()], out);
        }
    }
}

/// Appends a command.
pub(super) fn line<W: AsRef<[u8]>>(words: &[W], out: &mut Vec<u8>) {
    head(b'*', words.len(), out);
    words.iter().for_each(|word| string(word.as_ref(), out));
}

/// Appends a word of a command.
pub(super) fn string(word: &[u8], out: &mut Vec<u8>) {
    head(b'$', word.len(), out);
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// Appends the line that says how many words, or bytes, follow.
pub(super) fn head(sign: u8, number: usize, out: &mut Vec<u8>) {
    if number < 10 {
        out.extend_from_slice(&[sign, b'0' + number as u8, b'\r', b'\n']);
        return;
    }
    out.push(sign);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}
