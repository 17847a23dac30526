import{E as e,S as t,T as n,b as r,c as i,g as a,l as o,m as s,n as c,p as l,s as u,u as d,w as f,x as p,y as m}from"./shell.js";import{n as h}from"./format.js";import{n as g,t as _}from"./me.js";import{t as v}from"./overlay.js";import{t as y}from"./last.js";var b=`import { useClient, useLive, useStream } from 'keywire/react';
import { useEffect, useMemo } from 'preact/hooks';
import { useLast } from '../design/last.ts';
import type { Me } from '../design/me.ts';

/** Every room, with how many lines were ever written in it. */
export const useRooms = () => useLive(['HGETALL', 'demo:chat:counts']).value;

/** Up to which line I have read each room: the same on all my screens. */
export const useRead = (me: Me) => useLive(['HGETALL', \`demo:chat:read:\${me.id}\`]).value;

/** A room's lines, and each that comes. After a lost connection it goes on after the last one: none missing, none twice. */
export function useRoom(room: string) {
  const { entries, gaps, state } = useStream(\`demo:chat:room:\${room}\`, { from: '0', keep: LINES });
  // The stream was cut or made anew meanwhile: what stood before the gap is not there any more.
  const after = gaps.at(-1)?.after;
  const lines = useMemo(() => entries.slice(entries.findIndex(([id]) => id === after) + 1), [entries, after]);
  return { lines, state };
}

/** How many lines a room keeps, and for how many seconds after the last one; how many rooms there may be; how long read marks are kept. */
const [LINES, ROOM_S, READ_S] = [300, 7 * 86_400, 30 * 86_400];
export const ROOMS_MAX = 40;

/** Who is here, and who types: keys that expire. When one does, this changes. */
export function usePeople() {
  const members = [...useLive(['ZRANGE', 'demo:chat:members', 0, 49, 'REV']).value ?? []].sort();
  const keys = [...members.map(id => \`demo:chat:here:\${id}\`), ...members.map(id => \`demo:chat:typing:\${id}\`)];
  const { value } = useLive<(Omit<Person, 'id'> | string | null)[]>(['MGET', ...keys], { json: true, skip: members.length === 0 });
  const people = value && members.map((id, n) => value[n] && { ...value[n] as Person, id, typing: value[members.length + n] as string ?? undefined });
  return useLast(people?.filter(person => !!person)) ?? [];
}

export interface Person extends Me { readonly room: string; /** The room that this person types in. */ readonly typing?: string }

/** Says that I am here, for as long as I am. */
export function useBeHere(me: Me, room: string) {
  const kw = useClient();
  useEffect(() => {
    const say = () => kw.state === 'open' && void kw.batch([
      ['SET', \`demo:chat:here:\${me.id}\`, JSON.stringify({ name: me.name, hue: me.hue, room }), 'EX', 12],
      ['ZADD', 'demo:chat:members', Date.now(), me.id],
      ['ZREMRANGEBYRANK', 'demo:chat:members', 0, -51],
    ]).catch(() => {});
    const leave = () => kw.state === 'open' && void kw.command(['DEL', \`demo:chat:here:\${me.id}\`]).catch(() => {});
    const timer = setInterval(say, 5_000);
    const stop = kw.onChange(say);
    say();
    addEventListener('pagehide', leave);
    return () => { clearInterval(timer); stop(); removeEventListener('pagehide', leave); };
  }, [kw, me, room]);
}

/** What I can do. */
export function useActions(me: Me) {
  const kw = useClient();
  return {
    /** All or nothing: the line, and the count that unread marks are made of. \`key\` tells the line when it comes back. */
    say: (room: string, text: string, key: string) => kw.commands([
      ['XADD', \`demo:chat:room:\${room}\`, 'MAXLEN', '~', LINES, '*', 'user', me.id, 'name', me.name, 'hue', me.hue, 'text', text, 'key', key],
      ['HINCRBY', 'demo:chat:counts', room, 1],
      ['EXPIRE', \`demo:chat:room:\${room}\`, ROOM_S],
    ]),
    read: (room: string, count: string) => kw.commands([['HSET', \`demo:chat:read:\${me.id}\`, room, count], ['EXPIRE', \`demo:chat:read:\${me.id}\`, READ_S]]),
    typing: (room: string) => kw.command(['SET', \`demo:chat:typing:\${me.id}\`, room, 'PX', 3_000]),
    stopTyping: () => kw.command(['DEL', \`demo:chat:typing:\${me.id}\`]),
    openRoom: (room: string) => kw.command(['HSETNX', 'demo:chat:counts', room, 0]),
  };
}
`,x=()=>o([`HGETALL`,`demo:chat:counts`]).value,S=e=>o([`HGETALL`,`demo:chat:read:${e.id}`]).value;function C(e){let{entries:t,gaps:r,state:i}=d(`demo:chat:room:${e}`,{from:`0`,keep:w}),a=r.at(-1)?.after;return{lines:n(()=>t.slice(t.findIndex(([e])=>e===a)+1),[t,a]),state:i}}var[w,T,E]=[300,604800,2592e3];function D(){let e=[...o([`ZRANGE`,`demo:chat:members`,0,49,`REV`]).value??[]].sort(),t=[...e.map(e=>`demo:chat:here:${e}`),...e.map(e=>`demo:chat:typing:${e}`)],{value:n}=o([`MGET`,...t],{json:!0,skip:e.length===0}),r=n&&e.map((t,r)=>n[r]&&{...n[r],id:t,typing:n[e.length+r]??void 0});return y(r?.filter(e=>!!e))??[]}function O(e,t){let n=u();r(()=>{let r=()=>n.state===`open`&&void n.batch([[`SET`,`demo:chat:here:${e.id}`,JSON.stringify({name:e.name,hue:e.hue,room:t}),`EX`,12],[`ZADD`,`demo:chat:members`,Date.now(),e.id],[`ZREMRANGEBYRANK`,`demo:chat:members`,0,-51]]).catch(()=>{}),i=()=>n.state===`open`&&void n.command([`DEL`,`demo:chat:here:${e.id}`]).catch(()=>{}),a=setInterval(r,5e3),o=n.onChange(r);return r(),addEventListener(`pagehide`,i),()=>{clearInterval(a),o(),removeEventListener(`pagehide`,i)}},[n,e,t])}function k(e){let t=u();return{say:(n,r,i)=>t.commands([[`XADD`,`demo:chat:room:${n}`,`MAXLEN`,`~`,w,`*`,`user`,e.id,`name`,e.name,`hue`,e.hue,`text`,r,`key`,i],[`HINCRBY`,`demo:chat:counts`,n,1],[`EXPIRE`,`demo:chat:room:${n}`,T]]),read:(n,r)=>t.commands([[`HSET`,`demo:chat:read:${e.id}`,n,r],[`EXPIRE`,`demo:chat:read:${e.id}`,E]]),typing:n=>t.command([`SET`,`demo:chat:typing:${e.id}`,n,`PX`,3e3]),stopTyping:()=>t.command([`DEL`,`demo:chat:typing:${e.id}`]),openRoom:e=>t.command([`HSETNX`,`demo:chat:counts`,e,0])}}function A(){let[t,n]=g(),[i,a]=f(()=>location.hash.slice(1)||`lobby`),o=x(),s=S(t),c=D(),l=k(t),[u,d]=f(!1);O(t,i),r(()=>{let e=()=>a(location.hash.slice(1)||`lobby`);return addEventListener(`hashchange`,e),()=>removeEventListener(`hashchange`,e)},[]);let p=o?.[i],h=R();r(()=>{p&&s&&h&&p!==s[i]&&l.read(i,p).catch(()=>{})},[p,s?.[i],h,i]);let _=e=>e===i?0:z(o?.[e],s?.[e]),v=o?Object.keys(o).reduce((e,t)=>e+_(t),0):0;return r(()=>{document.title=`${v?`(${v}) `:``}#${i} · Chat · keywire`},[v,i]),m(e,{children:[m(`h1`,{class:`hidden`,children:`Chat`}),m(j,{rooms:Object.keys(o??{[i]:``}).sort(),room:i,unread:_,people:c,onOpen:e=>{l.openRoom(e).catch(()=>{}),location.hash=e}}),m(M,{room:i,me:t,people:c,showsPeople:u,onPeople:()=>d(!0),firstUnread:o&&s?z(o[i],s[i]):void 0},i),m(I,{people:c,me:t,rename:n,isOpen:u,onClose:()=>d(!1)})]})}function j({rooms:e,room:t,unread:n,people:r,onOpen:i}){let a=e=>{e.preventDefault();let t=e.currentTarget,n=new FormData(t).get(`room`).trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu,`-`).replace(/^-|-$/g,``).slice(0,20);n&&i(n),t.reset()},o=e.length>=40;return m(`nav`,{class:`rooms`,"aria-label":`Rooms`,children:[m(`h2`,{class:`label`,children:`Rooms`}),m(`ul`,{children:e.map(e=>{let i=n(e),a=r.filter(t=>t.room===e).length;return m(`li`,{children:m(`a`,{href:`#${e}`,"aria-current":e===t?`true`:void 0,class:i?`fresh`:``,children:[m(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),m(`span`,{class:`name`,children:e}),i>0?m(`span`,{class:`badge num`,"aria-label":`${i} unread`,children:i>99?`99+`:i}):a>0&&m(`span`,{class:`count num`,"aria-label":`${a} here`,children:a})]})},e)})}),o?m(`p`,{class:`soft full`,id:`full`,children:[`All `,40,` rooms are taken. One in which nobody writes for a week is let go.`]}):m(`form`,{onSubmit:a,autocomplete:`off`,children:[m(`label`,{class:`hidden`,for:`new-room`,children:`New room`}),m(`input`,{class:`field`,id:`new-room`,name:`room`,placeholder:`New room`,maxLength:20}),m(`button`,{class:`icon-button`,"aria-label":`Open the room`,children:m(s,{})})]})]})}function M({room:a,me:o,people:s,showsPeople:c,onPeople:l,firstUnread:u}){let{lines:d,state:p}=C(a),h=k(o),{state:g}=i(),[_,v]=f([]),y=t(void 0);y.current??=u;let b=n(()=>new Set(d.map(([,e])=>e.key)),[d]),x=_.filter(e=>!b.has(e.key));r(()=>{x.length<_.length&&v(x)},[b]);let S=(e,t=Math.random().toString(36).slice(2))=>{v(n=>[...n.filter(e=>e.key!==t&&!b.has(e.key)),{key:t,room:a,text:e}]),h.stopTyping().catch(()=>{}),h.say(a,e,t).catch(()=>v(e=>e.map(e=>e.key===t?{...e,failed:!0}:e)))},w=s.filter(e=>e.id!==o.id&&e.typing===a),T=s.filter(e=>e.room===a);return m(`section`,{class:`room`,"aria-labelledby":`room-title`,children:[m(`header`,{children:[m(`h2`,{id:`room-title`,children:[m(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),a]}),m(`ul`,{class:`faces`,"aria-label":`In this room`,children:T.slice(0,5).map(e=>m(`li`,{children:m(L,{of:e})},e.id))}),m(`span`,{class:`soft num wide`,children:[T.length,` here`]}),m(`button`,{class:`quiet num narrow`,type:`button`,"aria-expanded":c,"aria-controls":`people-panel`,onClick:l,children:[T.length,` here`]})]}),m(N,{entries:d,waiting:x,me:o,firstUnread:y.current,isLoading:p===`loading`,onRetry:e=>S(e.text,e.key)}),m(`div`,{class:`under`,children:[m(`p`,{class:`typing`,role:`status`,"aria-live":`polite`,children:w.length>0&&m(e,{children:[m(`span`,{class:`dots`,"aria-hidden":`true`,children:[m(`i`,{}),m(`i`,{}),m(`i`,{})]}),H(w),` `,w.length>1?`are`:`is`,` typing`]})}),g!==`open`&&d.length>0&&m(`p`,{class:`notice`,role:`status`,children:`Offline. What you write now is sent when the connection is back.`}),m(F,{room:a,onSend:S,onTyping:()=>h.typing(a).catch(()=>{})})]})]})}function N({entries:e,waiting:n,me:i,firstUnread:a,isLoading:o,onRetry:s}){let c=t(null),l=t(!0),u=t(void 0);if(u.current===void 0&&a!==void 0&&e.length>0){let t=e.length-a;u.current=a>0&&t>0?e[t]?.[0]??null:null}return p(()=>{let e=c.current;l.current&&(e.scrollTop=e.scrollHeight)}),r(()=>{let e=new ResizeObserver(()=>{l.current&&c.current&&(c.current.scrollTop=c.current.scrollHeight)});return e.observe(c.current),e.observe(c.current.firstElementChild),()=>e.disconnect()},[]),m(`div`,{class:`log`,ref:c,onScroll:()=>{let e=c.current;l.current=e.scrollHeight-e.scrollTop-e.clientHeight<60},role:`log`,"aria-label":`Messages`,tabIndex:0,"aria-busy":o,children:m(`ol`,{children:[e.map(([t,n],r)=>{let a=n,o=e[r-1],s=B(t),c=!o||B(o[0]).toDateString()!==s.toDateString(),l=!c&&t!==u.current&&o[1].user===a.user&&Number(t.split(`-`)[0])-Number(o[0].split(`-`)[0])<3e5;return[c&&m(`li`,{class:`divider`,children:m(`span`,{children:V(s)})},`day-${t}`),t===u.current&&m(`li`,{class:`divider new`,children:m(`span`,{children:`New`})},`new`),m(P,{line:a,time:s,mine:a.user===i.id,follows:l},a.key??t)]}),n.map(e=>m(P,{line:{user:i.id,name:i.name,hue:String(i.hue),text:e.text,key:e.key},mine:!0,follows:!1,note:e.failed?m(`button`,{class:`retry`,type:`button`,onClick:()=>s(e),children:`Not sent. Try again`}):`sending …`},e.key))]})})}function P({line:e,time:t,mine:n,follows:r,note:i}){return m(`li`,{class:`message ${n?`mine`:``} ${r?`follows`:``} ${i?`pending`:``}`,children:[!n&&(r?m(`span`,{class:`gap`}):m(L,{of:{name:e.name??`?`,hue:Number(e.hue)||30}})),m(`div`,{class:`bubble`,children:[!r&&m(`p`,{class:`who`,children:[n?`You`:e.name,` `,t&&m(`time`,{class:`num`,dateTime:t.toISOString(),children:h(t)})]}),m(`p`,{class:`text`,children:e.text}),i&&m(`p`,{class:`note`,children:i})]})]})}function F({room:e,onSend:n,onTyping:r}){let i=t(null),o=t(0),s=()=>{let e=i.current;e.style.height=`auto`,e.style.height=`${Math.min(e.scrollHeight+2,150)}px`},c=e=>{e?.preventDefault();let t=i.current.value.trim();t&&n(t),i.current.value=``,o.current=0,s(),i.current.focus()};return m(`form`,{class:`compose`,onSubmit:c,children:[m(`label`,{class:`hidden`,for:`text`,children:[`Message to #`,e]}),m(`textarea`,{class:`field`,id:`text`,ref:i,rows:1,maxLength:1e3,placeholder:`Message #${e}`,onInput:()=>{s(),Date.now()-o.current<1500||!i.current.value||(o.current=Date.now(),r())},onKeyDown:e=>{e.key===`Enter`&&!e.shiftKey&&!e.isComposing&&c(e)}}),m(`button`,{class:`button`,"aria-label":`Send`,children:m(a,{})})]})}function I({people:e,me:n,rename:r,isOpen:i,onClose:a}){let o=e.filter(e=>e.id!==n.id),s=t(null);return v(s,i,a),m(`aside`,{ref:s,class:`people ${i?`open`:``}`,id:`people-panel`,"aria-label":`People`,children:[m(`button`,{class:`icon-button close`,type:`button`,"aria-label":`Back to the room`,onClick:a,children:m(l,{})}),m(`h2`,{class:`label`,children:`Here now`}),m(`ul`,{id:`people`,children:[m(`li`,{class:`me`,children:[m(L,{of:n}),m(`div`,{children:[m(`label`,{class:`hidden`,for:`name`,children:`Your name`}),m(`input`,{class:`field`,id:`name`,value:n.name,maxLength:24,autocomplete:`off`,onChange:e=>{r(e.currentTarget.value),e.currentTarget.value||=n.name}})]})]}),o.map(e=>m(`li`,{children:[m(L,{of:e}),m(`div`,{children:[m(`b`,{children:e.name}),m(`span`,{class:`soft`,children:e.typing?`typing …`:`#${e.room}`})]})]},e.id))]}),o.length===0&&m(`p`,{class:`soft alone`,children:`Nobody else yet. Open this page in a private window, or on your phone, to be two.`})]})}var L=({of:e})=>m(`span`,{class:`avatar`,style:{"--hue":String(e.hue)},title:e.name,"aria-hidden":`true`,children:_(e.name)});function R(){let[e,t]=f(!document.hidden);return r(()=>{let e=()=>t(!document.hidden);return document.addEventListener(`visibilitychange`,e),()=>document.removeEventListener(`visibilitychange`,e)},[]),e}function z(e,t){let[n,r]=[Number(e??0),Number(t??0)];return r>n?n:n-r}var B=e=>new Date(Number(e.split(`-`)[0])),V=e=>e.toDateString()===new Date().toDateString()?`Today`:e.toLocaleDateString([],{weekday:`long`,day:`numeric`,month:`long`}),H=e=>e.length>2?`${e.length} people`:e.map(e=>e.name).join(` and `);c(`chat`,b,A);