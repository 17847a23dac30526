import{E as e,S as t,T as n,b as r,c as i,g as a,l as o,m as s,n as c,s as l,u,w as d,x as f,y as p}from"./shell.js";import{n as m}from"./format.js";import{n as h,t as g}from"./me.js";import{t as _}from"./last.js";var v=`import { useClient, useLive, useStream } from 'keywire/react';
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
`,y=()=>o([`HGETALL`,`demo:chat:counts`]).value,b=e=>o([`HGETALL`,`demo:chat:read:${e.id}`]).value;function x(e){let{entries:t,gaps:r,state:i}=u(`demo:chat:room:${e}`,{from:`0`,keep:S}),a=r.at(-1)?.after;return{lines:n(()=>t.slice(t.findIndex(([e])=>e===a)+1),[t,a]),state:i}}var[S,C,w]=[300,604800,2592e3];function T(){let e=[...o([`ZRANGE`,`demo:chat:members`,0,49,`REV`]).value??[]].sort(),t=[...e.map(e=>`demo:chat:here:${e}`),...e.map(e=>`demo:chat:typing:${e}`)],{value:n}=o([`MGET`,...t],{json:!0,skip:e.length===0}),r=n&&e.map((t,r)=>n[r]&&{...n[r],id:t,typing:n[e.length+r]??void 0});return _(r?.filter(e=>!!e))??[]}function E(e,t){let n=l();r(()=>{let r=()=>n.state===`open`&&void n.batch([[`SET`,`demo:chat:here:${e.id}`,JSON.stringify({name:e.name,hue:e.hue,room:t}),`EX`,12],[`ZADD`,`demo:chat:members`,Date.now(),e.id],[`ZREMRANGEBYRANK`,`demo:chat:members`,0,-51]]).catch(()=>{}),i=()=>n.state===`open`&&void n.command([`DEL`,`demo:chat:here:${e.id}`]).catch(()=>{}),a=setInterval(r,5e3),o=n.onChange(r);return r(),addEventListener(`pagehide`,i),()=>{clearInterval(a),o(),removeEventListener(`pagehide`,i)}},[n,e,t])}function D(e){let t=l();return{say:(n,r,i)=>t.commands([[`XADD`,`demo:chat:room:${n}`,`MAXLEN`,`~`,S,`*`,`user`,e.id,`name`,e.name,`hue`,e.hue,`text`,r,`key`,i],[`HINCRBY`,`demo:chat:counts`,n,1],[`EXPIRE`,`demo:chat:room:${n}`,C]]),read:(n,r)=>t.commands([[`HSET`,`demo:chat:read:${e.id}`,n,r],[`EXPIRE`,`demo:chat:read:${e.id}`,w]]),typing:n=>t.command([`SET`,`demo:chat:typing:${e.id}`,n,`PX`,3e3]),stopTyping:()=>t.command([`DEL`,`demo:chat:typing:${e.id}`]),openRoom:e=>t.command([`HSETNX`,`demo:chat:counts`,e,0])}}function O(){let[t,n]=h(),[i,a]=d(()=>location.hash.slice(1)||`lobby`),o=y(),s=b(t),c=T(),l=D(t);E(t,i),r(()=>{let e=()=>a(location.hash.slice(1)||`lobby`);return addEventListener(`hashchange`,e),()=>removeEventListener(`hashchange`,e)},[]);let u=o?.[i],f=I();r(()=>{u&&s&&f&&u!==s[i]&&l.read(i,u).catch(()=>{})},[u,s?.[i],f,i]);let m=e=>e===i?0:L(o?.[e],s?.[e]),g=o?Object.keys(o).reduce((e,t)=>e+m(t),0):0;return r(()=>{document.title=`${g?`(${g}) `:``}#${i} · Chat · keywire`},[g,i]),p(e,{children:[p(`h1`,{class:`hidden`,children:`Chat`}),p(k,{rooms:Object.keys(o??{[i]:``}).sort(),room:i,unread:m,people:c,onOpen:e=>{l.openRoom(e).catch(()=>{}),location.hash=e}}),p(A,{room:i,me:t,people:c,firstUnread:o&&s?L(o[i],s[i]):void 0},i),p(P,{people:c,me:t,rename:n})]})}function k({rooms:e,room:t,unread:n,people:r,onOpen:i}){let a=e=>{e.preventDefault();let t=e.currentTarget,n=new FormData(t).get(`room`).trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu,`-`).replace(/^-|-$/g,``).slice(0,20);n&&i(n),t.reset()},o=e.length>=40;return p(`nav`,{class:`rooms`,"aria-label":`Rooms`,children:[p(`h2`,{class:`label`,children:`Rooms`}),p(`ul`,{children:e.map(e=>{let i=n(e),a=r.filter(t=>t.room===e).length;return p(`li`,{children:p(`a`,{href:`#${e}`,"aria-current":e===t?`true`:void 0,class:i?`fresh`:``,children:[p(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),p(`span`,{class:`name`,children:e}),i>0?p(`span`,{class:`badge num`,"aria-label":`${i} unread`,children:i>99?`99+`:i}):a>0&&p(`span`,{class:`count num`,"aria-label":`${a} here`,children:a})]})},e)})}),o?p(`p`,{class:`soft full`,id:`full`,children:[`All `,40,` rooms are taken. One in which nobody writes for a week is let go.`]}):p(`form`,{onSubmit:a,autocomplete:`off`,children:[p(`label`,{class:`hidden`,for:`new-room`,children:`New room`}),p(`input`,{class:`field`,id:`new-room`,name:`room`,placeholder:`New room`,maxLength:20}),p(`button`,{class:`icon-button`,"aria-label":`Open the room`,children:p(s,{})})]})]})}function A({room:a,me:o,people:s,firstUnread:c}){let{lines:l,state:u}=x(a),f=D(o),{state:m}=i(),[h,g]=d([]),_=t(void 0);_.current??=c;let v=n(()=>new Set(l.map(([,e])=>e.key)),[l]),y=h.filter(e=>!v.has(e.key));r(()=>{y.length<h.length&&g(y)},[v]);let b=(e,t=Math.random().toString(36).slice(2))=>{g(n=>[...n.filter(e=>e.key!==t&&!v.has(e.key)),{key:t,room:a,text:e}]),f.stopTyping().catch(()=>{}),f.say(a,e,t).catch(()=>g(e=>e.map(e=>e.key===t?{...e,failed:!0}:e)))},S=s.filter(e=>e.id!==o.id&&e.typing===a),C=s.filter(e=>e.room===a);return p(`section`,{class:`room`,"aria-labelledby":`room-title`,children:[p(`header`,{children:[p(`h2`,{id:`room-title`,children:[p(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),a]}),p(`ul`,{class:`faces`,"aria-label":`In this room`,children:C.slice(0,5).map(e=>p(`li`,{children:p(F,{of:e})},e.id))}),p(`span`,{class:`soft num`,children:[C.length,` here`]})]}),p(j,{entries:l,waiting:y,me:o,firstUnread:_.current,isLoading:u===`loading`,onRetry:e=>b(e.text,e.key)}),p(`div`,{class:`under`,children:[p(`p`,{class:`typing`,role:`status`,"aria-live":`polite`,children:S.length>0&&p(e,{children:[p(`span`,{class:`dots`,"aria-hidden":`true`,children:[p(`i`,{}),p(`i`,{}),p(`i`,{})]}),B(S),` `,S.length>1?`are`:`is`,` typing`]})}),m!==`open`&&l.length>0&&p(`p`,{class:`notice`,role:`status`,children:`Offline. What you write now is sent when the connection is back.`}),p(N,{room:a,onSend:b,onTyping:()=>f.typing(a).catch(()=>{})})]})]})}function j({entries:e,waiting:n,me:i,firstUnread:a,isLoading:o,onRetry:s}){let c=t(null),l=t(!0),u=t(void 0);if(u.current===void 0&&a!==void 0&&e.length>0){let t=e.length-a;u.current=a>0&&t>0?e[t]?.[0]??null:null}return f(()=>{let e=c.current;l.current&&(e.scrollTop=e.scrollHeight)}),r(()=>{let e=new ResizeObserver(()=>{l.current&&c.current&&(c.current.scrollTop=c.current.scrollHeight)});return e.observe(c.current),e.observe(c.current.firstElementChild),()=>e.disconnect()},[]),p(`div`,{class:`log`,ref:c,onScroll:()=>{let e=c.current;l.current=e.scrollHeight-e.scrollTop-e.clientHeight<60},role:`log`,"aria-label":`Messages`,tabIndex:0,"aria-busy":o,children:p(`ol`,{children:[e.map(([t,n],r)=>{let a=n,o=e[r-1],s=R(t),c=!o||R(o[0]).toDateString()!==s.toDateString(),l=!c&&t!==u.current&&o[1].user===a.user&&Number(t.split(`-`)[0])-Number(o[0].split(`-`)[0])<3e5;return[c&&p(`li`,{class:`divider`,children:p(`span`,{children:z(s)})},`day-${t}`),t===u.current&&p(`li`,{class:`divider new`,children:p(`span`,{children:`New`})},`new`),p(M,{line:a,time:s,mine:a.user===i.id,follows:l},a.key??t)]}),n.map(e=>p(M,{line:{user:i.id,name:i.name,hue:String(i.hue),text:e.text,key:e.key},mine:!0,follows:!1,note:e.failed?p(`button`,{class:`retry`,type:`button`,onClick:()=>s(e),children:`Not sent. Try again`}):`sending …`},e.key))]})})}function M({line:e,time:t,mine:n,follows:r,note:i}){return p(`li`,{class:`message ${n?`mine`:``} ${r?`follows`:``} ${i?`pending`:``}`,children:[!n&&(r?p(`span`,{class:`gap`}):p(F,{of:{name:e.name??`?`,hue:Number(e.hue)||30}})),p(`div`,{class:`bubble`,children:[!r&&p(`p`,{class:`who`,children:[n?`You`:e.name,` `,t&&p(`time`,{class:`num`,dateTime:t.toISOString(),children:m(t)})]}),p(`p`,{class:`text`,children:e.text}),i&&p(`p`,{class:`note`,children:i})]})]})}function N({room:e,onSend:n,onTyping:r}){let i=t(null),o=t(0),s=()=>{let e=i.current;e.style.height=`auto`,e.style.height=`${Math.min(e.scrollHeight+2,150)}px`},c=e=>{e?.preventDefault();let t=i.current.value.trim();t&&n(t),i.current.value=``,o.current=0,s(),i.current.focus()};return p(`form`,{class:`compose`,onSubmit:c,children:[p(`label`,{class:`hidden`,for:`text`,children:[`Message to #`,e]}),p(`textarea`,{class:`field`,id:`text`,ref:i,rows:1,maxLength:1e3,placeholder:`Message #${e}`,onInput:()=>{s(),Date.now()-o.current<1500||!i.current.value||(o.current=Date.now(),r())},onKeyDown:e=>{e.key===`Enter`&&!e.shiftKey&&!e.isComposing&&c(e)}}),p(`button`,{class:`button`,"aria-label":`Send`,children:p(a,{})})]})}function P({people:e,me:t,rename:n}){let r=e.filter(e=>e.id!==t.id);return p(`aside`,{class:`people`,"aria-label":`People`,children:[p(`h2`,{class:`label`,children:`Here now`}),p(`ul`,{id:`people`,children:[p(`li`,{class:`me`,children:[p(F,{of:t}),p(`div`,{children:[p(`label`,{class:`hidden`,for:`name`,children:`Your name`}),p(`input`,{class:`field`,id:`name`,value:t.name,maxLength:24,autocomplete:`off`,onChange:e=>{n(e.currentTarget.value),e.currentTarget.value||=t.name}})]})]}),r.map(e=>p(`li`,{children:[p(F,{of:e}),p(`div`,{children:[p(`b`,{children:e.name}),p(`span`,{class:`soft`,children:e.typing?`typing …`:`#${e.room}`})]})]},e.id))]}),r.length===0&&p(`p`,{class:`soft alone`,children:`Nobody else yet. Open this page in a private window, or on your phone, to be two.`})]})}var F=({of:e})=>p(`span`,{class:`avatar`,style:{"--hue":String(e.hue)},title:e.name,"aria-hidden":`true`,children:g(e.name)});function I(){let[e,t]=d(!document.hidden);return r(()=>{let e=()=>t(!document.hidden);return document.addEventListener(`visibilitychange`,e),()=>document.removeEventListener(`visibilitychange`,e)},[]),e}function L(e,t){let[n,r]=[Number(e??0),Number(t??0)];return r>n?n:n-r}var R=e=>new Date(Number(e.split(`-`)[0])),z=e=>e.toDateString()===new Date().toDateString()?`Today`:e.toLocaleDateString([],{weekday:`long`,day:`numeric`,month:`long`}),B=e=>e.length>2?`${e.length} people`:e.map(e=>e.name).join(` and `);c(`chat`,v,O);