import{I as e,L as t,M as n,N as r,P as i,R as a,a as o,f as s,h as c,i as l,j as u,m as d,n as f,p,r as m,s as h,t as g,v as _,w as v,x as y,y as b}from"./shell.js";var x=`import { useClient, useLive, useStream } from 'keywire/react';
import { useEffect, useMemo } from 'preact/hooks';
import { useAlive } from '../design/alive.ts';
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

/** Says that I am here, for as long as I am; and that I am not, when the page goes. */
export function useBeHere(me: Me, room: string) {
  const kw = useClient();
  useAlive(() => kw.batch([
    ['SET', \`demo:chat:here:\${me.id}\`, JSON.stringify({ name: me.name, hue: me.hue, room }), 'EX', 12],
    ['ZADD', 'demo:chat:members', Date.now(), me.id],
    ['ZREMRANGEBYRANK', 'demo:chat:members', 0, -51],
  ]), 5_000, [me, room]);
  useEffect(() => {
    const leave = () => kw.state === 'open' && void kw.command(['DEL', \`demo:chat:here:\${me.id}\`]).catch(() => {});
    addEventListener('pagehide', leave);
    return () => removeEventListener('pagehide', leave);
  }, [kw, me]);
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
`,S=()=>d([`HGETALL`,`demo:chat:counts`]).value,C=e=>d([`HGETALL`,`demo:chat:read:${e.id}`]).value;function w(e){let{entries:n,gaps:r,state:i}=c(`demo:chat:room:${e}`,{from:`0`,keep:T}),a=r.at(-1)?.after;return{lines:t(()=>n.slice(n.findIndex(([e])=>e===a)+1),[n,a]),state:i}}var[T,E,D]=[300,604800,2592e3];function O(){let e=[...d([`ZRANGE`,`demo:chat:members`,0,49,`REV`]).value??[]].sort(),t=[...e.map(e=>`demo:chat:here:${e}`),...e.map(e=>`demo:chat:typing:${e}`)],{value:n}=d([`MGET`,...t],{json:!0,skip:e.length===0}),r=n&&e.map((t,r)=>n[r]&&{...n[r],id:t,typing:n[e.length+r]??void 0});return g(r?.filter(e=>!!e))??[]}function k(e,t){let r=s();f(()=>r.batch([[`SET`,`demo:chat:here:${e.id}`,JSON.stringify({name:e.name,hue:e.hue,room:t}),`EX`,12],[`ZADD`,`demo:chat:members`,Date.now(),e.id],[`ZREMRANGEBYRANK`,`demo:chat:members`,0,-51]]),5e3,[e,t]),n(()=>{let t=()=>r.state===`open`&&void r.command([`DEL`,`demo:chat:here:${e.id}`]).catch(()=>{});return addEventListener(`pagehide`,t),()=>removeEventListener(`pagehide`,t)},[r,e])}function A(e){let t=s();return{say:(n,r,i)=>t.commands([[`XADD`,`demo:chat:room:${n}`,`MAXLEN`,`~`,T,`*`,`user`,e.id,`name`,e.name,`hue`,e.hue,`text`,r,`key`,i],[`HINCRBY`,`demo:chat:counts`,n,1],[`EXPIRE`,`demo:chat:room:${n}`,E]]),read:(n,r)=>t.commands([[`HSET`,`demo:chat:read:${e.id}`,n,r],[`EXPIRE`,`demo:chat:read:${e.id}`,D]]),typing:n=>t.command([`SET`,`demo:chat:typing:${e.id}`,n,`PX`,3e3]),stopTyping:()=>t.command([`DEL`,`demo:chat:typing:${e.id}`]),openRoom:e=>t.command([`HSETNX`,`demo:chat:counts`,e,0])}}function j(){let[t,r]=o(),[i,s]=e(()=>location.hash.slice(1)||`lobby`),c=S(),l=C(t),d=O(),f=A(t),[p,m]=e(!1);k(t,i),n(()=>{let e=()=>s(location.hash.slice(1)||`lobby`);return addEventListener(`hashchange`,e),()=>removeEventListener(`hashchange`,e)},[]);let h=c?.[i],g=z();n(()=>{h&&l&&g&&h!==l[i]&&f.read(i,h).catch(()=>{})},[h,l?.[i],g,i]);let _=e=>e===i?0:B(c?.[e],l?.[e]),v=c?Object.keys(c).reduce((e,t)=>e+_(t),0):0;return n(()=>{document.title=`${v?`(${v}) `:``}#${i} · Chat · keywire`},[v,i]),u(a,{children:[u(`h1`,{class:`hidden`,children:`Chat`}),u(M,{rooms:Object.keys(c??{[i]:``}).sort(),room:i,unread:_,people:d,onOpen:e=>{f.openRoom(e).catch(()=>{}),location.hash=e}}),u(N,{room:i,me:t,people:d,showsPeople:p,onPeople:()=>m(!0),firstUnread:c&&l?B(c[i],l[i]):void 0},i),u(L,{people:d,me:t,rename:r,isOpen:p,onClose:()=>m(!1)})]})}function M({rooms:e,room:t,unread:n,people:r,onOpen:i}){let a=e=>{e.preventDefault();let t=e.currentTarget,n=new FormData(t).get(`room`).trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu,`-`).replace(/^-|-$/g,``).slice(0,20);n&&i(n),t.reset()},o=e.length>=40;return u(`nav`,{class:`rooms`,"aria-label":`Rooms`,children:[u(`h2`,{class:`label`,children:`Rooms`}),u(`ul`,{children:e.map(e=>{let i=n(e),a=r.filter(t=>t.room===e).length;return u(`li`,{children:u(`a`,{href:`#${e}`,"aria-current":e===t?`true`:void 0,class:i?`fresh`:``,children:[u(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),u(`span`,{class:`name`,children:e}),i>0?u(`span`,{class:`badge num`,"aria-label":`${i} unread`,children:i>99?`99+`:i}):a>0&&u(`span`,{class:`count num`,"aria-label":`${a} here`,children:a})]})},e)})}),o?u(`p`,{class:`soft full`,id:`full`,children:[`All `,40,` rooms are taken. One in which nobody writes for a week is let go.`]}):u(`form`,{onSubmit:a,autocomplete:`off`,children:[u(`label`,{class:`hidden`,for:`new-room`,children:`New room`}),u(`input`,{class:`field`,id:`new-room`,name:`room`,placeholder:`New room`,maxLength:20}),u(`button`,{class:`icon-button`,"aria-label":`Open the room`,children:u(b,{})})]})]})}function N({room:r,me:o,people:s,showsPeople:c,onPeople:l,firstUnread:d}){let{lines:f,state:m}=w(r),h=A(o),{state:g}=p(),[_,v]=e([]),y=i(void 0);y.current??=d;let b=t(()=>new Set(f.map(([,e])=>e.key)),[f]),x=_.filter(e=>!b.has(e.key));n(()=>{x.length<_.length&&v(x)},[b]);let S=(e,t=Math.random().toString(36).slice(2))=>{v(n=>[...n.filter(e=>e.key!==t&&!b.has(e.key)),{key:t,room:r,text:e}]),h.stopTyping().catch(()=>{}),h.say(r,e,t).catch(()=>v(e=>e.map(e=>e.key===t?{...e,failed:!0}:e)))},C=s.filter(e=>e.id!==o.id&&e.typing===r),T=s.filter(e=>e.room===r);return u(`section`,{class:`room`,"aria-labelledby":`room-title`,children:[u(`header`,{children:[u(`h2`,{id:`room-title`,children:[u(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),r]}),u(`ul`,{class:`faces`,"aria-label":`In this room`,children:T.slice(0,5).map(e=>u(`li`,{children:u(R,{of:e})},e.id))}),u(`span`,{class:`soft num wide`,children:[T.length,` here`]}),u(`button`,{class:`quiet num narrow`,type:`button`,"aria-expanded":c,"aria-controls":`people-panel`,onClick:l,children:[T.length,` here`]})]}),u(P,{entries:f,waiting:x,me:o,firstUnread:y.current,isLoading:m===`loading`,onRetry:e=>S(e.text,e.key)}),u(`div`,{class:`under`,children:[u(`p`,{class:`typing`,role:`status`,"aria-live":`polite`,children:C.length>0&&u(a,{children:[u(`span`,{class:`dots`,"aria-hidden":`true`,children:[u(`i`,{}),u(`i`,{}),u(`i`,{})]}),U(C),` `,C.length>1?`are`:`is`,` typing`]})}),g!==`open`&&f.length>0&&u(`p`,{class:`notice`,role:`status`,children:`Offline. What you write now is sent when the connection is back.`}),u(I,{room:r,onSend:S,onTyping:()=>h.typing(r).catch(()=>{})})]})]})}function P({entries:e,waiting:t,me:a,firstUnread:o,isLoading:s,onRetry:c}){let l=i(null),d=i(!0),f=i(void 0);if(f.current===void 0&&o!==void 0&&e.length>0){let t=e.length-o;f.current=o>0&&t>0?e[t]?.[0]??null:null}return r(()=>{let e=l.current;d.current&&(e.scrollTop=e.scrollHeight)}),n(()=>{let e=new ResizeObserver(()=>{d.current&&l.current&&(l.current.scrollTop=l.current.scrollHeight)});return e.observe(l.current),e.observe(l.current.firstElementChild),()=>e.disconnect()},[]),u(`div`,{class:`log`,ref:l,onScroll:()=>{let e=l.current;d.current=e.scrollHeight-e.scrollTop-e.clientHeight<60},role:`log`,"aria-label":`Messages`,tabIndex:0,"aria-busy":s,children:u(`ol`,{children:[e.map(([t,n],r)=>{let i=n,o=e[r-1],s=V(t),c=!o||V(o[0]).toDateString()!==s.toDateString(),l=!c&&t!==f.current&&o[1].user===i.user&&Number(t.split(`-`)[0])-Number(o[0].split(`-`)[0])<3e5;return[c&&u(`li`,{class:`divider`,children:u(`span`,{children:H(s)})},`day-${t}`),t===f.current&&u(`li`,{class:`divider new`,children:u(`span`,{children:`New`})},`new`),u(F,{line:i,time:s,mine:i.user===a.id,follows:l},i.key??t)]}),t.map(e=>u(F,{line:{user:a.id,name:a.name,hue:String(a.hue),text:e.text,key:e.key},mine:!0,follows:!1,note:e.failed?u(`button`,{class:`retry`,type:`button`,onClick:()=>c(e),children:`Not sent. Try again`}):`sending …`},e.key))]})})}function F({line:e,time:t,mine:n,follows:r,note:i}){return u(`li`,{class:`message ${n?`mine`:``} ${r?`follows`:``} ${i?`pending`:``}`,children:[!n&&(r?u(`span`,{class:`gap`}):u(R,{of:{name:e.name??`?`,hue:Number(e.hue)||30}})),u(`div`,{class:`bubble`,children:[!r&&u(`p`,{class:`who`,children:[n?`You`:e.name,` `,t&&u(`time`,{class:`num`,dateTime:t.toISOString(),children:v(t)})]}),u(`p`,{class:`text`,children:e.text}),i&&u(`p`,{class:`note`,children:i})]})]})}function I({room:e,onSend:t,onTyping:n}){let r=i(null),a=i(0),o=()=>{let e=r.current;e.style.height=`auto`,e.style.height=`${Math.min(e.scrollHeight+2,150)}px`},s=e=>{e?.preventDefault();let n=r.current.value.trim();n&&t(n),r.current.value=``,a.current=0,o(),r.current.focus()};return u(`form`,{class:`compose`,onSubmit:s,children:[u(`label`,{class:`hidden`,for:`text`,children:[`Message to #`,e]}),u(`textarea`,{class:`field`,id:`text`,ref:r,rows:1,maxLength:1e3,placeholder:`Message #${e}`,onInput:()=>{o(),Date.now()-a.current<1500||!r.current.value||(a.current=Date.now(),n())},onKeyDown:e=>{e.key===`Enter`&&!e.shiftKey&&!e.isComposing&&s(e)}}),u(`button`,{class:`button`,"aria-label":`Send`,children:u(y,{})})]})}function L({people:e,me:t,rename:n,isOpen:r,onClose:a}){let o=e.filter(e=>e.id!==t.id),s=i(null);return m(s,r,a),u(`aside`,{ref:s,class:`people ${r?`open`:``}`,id:`people-panel`,"aria-label":`People`,children:[u(`button`,{class:`icon-button close`,type:`button`,"aria-label":`Back to the room`,onClick:a,children:u(_,{})}),u(`h2`,{class:`label`,children:`Here now`}),u(`ul`,{id:`people`,children:[u(`li`,{class:`me`,children:[u(R,{of:t}),u(`div`,{children:[u(`label`,{class:`hidden`,for:`name`,children:`Your name`}),u(`input`,{class:`field`,id:`name`,value:t.name,maxLength:24,autocomplete:`off`,onChange:e=>{n(e.currentTarget.value),e.currentTarget.value||=t.name}})]})]}),o.map(e=>u(`li`,{children:[u(R,{of:e}),u(`div`,{children:[u(`b`,{children:e.name}),u(`span`,{class:`soft`,children:e.typing?`typing …`:`#${e.room}`})]})]},e.id))]}),o.length===0&&u(`p`,{class:`soft alone`,children:`Nobody else yet. Open this page in a private window, or on your phone, to be two.`})]})}var R=({of:e})=>u(`span`,{class:`avatar`,style:{"--hue":String(e.hue)},title:e.name,"aria-hidden":`true`,children:l(e.name)});function z(){let[t,r]=e(!document.hidden);return n(()=>{let e=()=>r(!document.hidden);return document.addEventListener(`visibilitychange`,e),()=>document.removeEventListener(`visibilitychange`,e)},[]),t}function B(e,t){let[n,r]=[Number(e??0),Number(t??0)];return r>n?n:n-r}var V=e=>new Date(Number(e.split(`-`)[0])),H=e=>e.toDateString()===new Date().toDateString()?`Today`:e.toLocaleDateString([],{weekday:`long`,day:`numeric`,month:`long`}),U=e=>e.length>2?`${e.length} people`:e.map(e=>e.name).join(` and `);h(`chat`,x,j);