import{A as e,C as t,F as n,I as r,L as i,M as a,N as o,_ as s,b as c,d as l,f as u,i as d,j as f,m as p,n as m,o as h,p as g,r as _,t as v,v as y}from"./shell.js";var b=`import { useClient, useLive, useStream } from 'keywire/react';
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
`,x=()=>g([`HGETALL`,`demo:chat:counts`]).value,S=e=>g([`HGETALL`,`demo:chat:read:${e.id}`]).value;function C(e){let{entries:t,gaps:n,state:i}=p(`demo:chat:room:${e}`,{from:`0`,keep:w}),a=n.at(-1)?.after;return{lines:r(()=>t.slice(t.findIndex(([e])=>e===a)+1),[t,a]),state:i}}var[w,T,E]=[300,604800,2592e3];function D(){let e=[...g([`ZRANGE`,`demo:chat:members`,0,49,`REV`]).value??[]].sort(),t=[...e.map(e=>`demo:chat:here:${e}`),...e.map(e=>`demo:chat:typing:${e}`)],{value:n}=g([`MGET`,...t],{json:!0,skip:e.length===0}),r=n&&e.map((t,r)=>n[r]&&{...n[r],id:t,typing:n[e.length+r]??void 0});return v(r?.filter(e=>!!e))??[]}function O(e,t){let n=l();f(()=>{let r=()=>n.state===`open`&&void n.batch([[`SET`,`demo:chat:here:${e.id}`,JSON.stringify({name:e.name,hue:e.hue,room:t}),`EX`,12],[`ZADD`,`demo:chat:members`,Date.now(),e.id],[`ZREMRANGEBYRANK`,`demo:chat:members`,0,-51]]).catch(()=>{}),i=()=>n.state===`open`&&void n.command([`DEL`,`demo:chat:here:${e.id}`]).catch(()=>{}),a=setInterval(r,5e3),o=n.onChange(r);return r(),addEventListener(`pagehide`,i),()=>{clearInterval(a),o(),removeEventListener(`pagehide`,i)}},[n,e,t])}function k(e){let t=l();return{say:(n,r,i)=>t.commands([[`XADD`,`demo:chat:room:${n}`,`MAXLEN`,`~`,w,`*`,`user`,e.id,`name`,e.name,`hue`,e.hue,`text`,r,`key`,i],[`HINCRBY`,`demo:chat:counts`,n,1],[`EXPIRE`,`demo:chat:room:${n}`,T]]),read:(n,r)=>t.commands([[`HSET`,`demo:chat:read:${e.id}`,n,r],[`EXPIRE`,`demo:chat:read:${e.id}`,E]]),typing:n=>t.command([`SET`,`demo:chat:typing:${e.id}`,n,`PX`,3e3]),stopTyping:()=>t.command([`DEL`,`demo:chat:typing:${e.id}`]),openRoom:e=>t.command([`HSETNX`,`demo:chat:counts`,e,0])}}function A(){let[t,r]=d(),[a,o]=n(()=>location.hash.slice(1)||`lobby`),s=x(),c=S(t),l=D(),u=k(t),[p,m]=n(!1);O(t,a),f(()=>{let e=()=>o(location.hash.slice(1)||`lobby`);return addEventListener(`hashchange`,e),()=>removeEventListener(`hashchange`,e)},[]);let h=s?.[a],g=R();f(()=>{h&&c&&g&&h!==c[a]&&u.read(a,h).catch(()=>{})},[h,c?.[a],g,a]);let _=e=>e===a?0:z(s?.[e],c?.[e]),v=s?Object.keys(s).reduce((e,t)=>e+_(t),0):0;return f(()=>{document.title=`${v?`(${v}) `:``}#${a} · Chat · keywire`},[v,a]),e(i,{children:[e(`h1`,{class:`hidden`,children:`Chat`}),e(j,{rooms:Object.keys(s??{[a]:``}).sort(),room:a,unread:_,people:l,onOpen:e=>{u.openRoom(e).catch(()=>{}),location.hash=e}}),e(M,{room:a,me:t,people:l,showsPeople:p,onPeople:()=>m(!0),firstUnread:s&&c?z(s[a],c[a]):void 0},a),e(I,{people:l,me:t,rename:r,isOpen:p,onClose:()=>m(!1)})]})}function j({rooms:t,room:n,unread:r,people:i,onOpen:a}){let o=e=>{e.preventDefault();let t=e.currentTarget,n=new FormData(t).get(`room`).trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu,`-`).replace(/^-|-$/g,``).slice(0,20);n&&a(n),t.reset()},s=t.length>=40;return e(`nav`,{class:`rooms`,"aria-label":`Rooms`,children:[e(`h2`,{class:`label`,children:`Rooms`}),e(`ul`,{children:t.map(t=>{let a=r(t),o=i.filter(e=>e.room===t).length;return e(`li`,{children:e(`a`,{href:`#${t}`,"aria-current":t===n?`true`:void 0,class:a?`fresh`:``,children:[e(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),e(`span`,{class:`name`,children:t}),a>0?e(`span`,{class:`badge num`,"aria-label":`${a} unread`,children:a>99?`99+`:a}):o>0&&e(`span`,{class:`count num`,"aria-label":`${o} here`,children:o})]})},t)})}),s?e(`p`,{class:`soft full`,id:`full`,children:[`All `,40,` rooms are taken. One in which nobody writes for a week is let go.`]}):e(`form`,{onSubmit:o,autocomplete:`off`,children:[e(`label`,{class:`hidden`,for:`new-room`,children:`New room`}),e(`input`,{class:`field`,id:`new-room`,name:`room`,placeholder:`New room`,maxLength:20}),e(`button`,{class:`icon-button`,"aria-label":`Open the room`,children:e(y,{})})]})]})}function M({room:t,me:a,people:s,showsPeople:c,onPeople:l,firstUnread:d}){let{lines:p,state:m}=C(t),h=k(a),{state:g}=u(),[_,v]=n([]),y=o(void 0);y.current??=d;let b=r(()=>new Set(p.map(([,e])=>e.key)),[p]),x=_.filter(e=>!b.has(e.key));f(()=>{x.length<_.length&&v(x)},[b]);let S=(e,n=Math.random().toString(36).slice(2))=>{v(r=>[...r.filter(e=>e.key!==n&&!b.has(e.key)),{key:n,room:t,text:e}]),h.stopTyping().catch(()=>{}),h.say(t,e,n).catch(()=>v(e=>e.map(e=>e.key===n?{...e,failed:!0}:e)))},w=s.filter(e=>e.id!==a.id&&e.typing===t),T=s.filter(e=>e.room===t);return e(`section`,{class:`room`,"aria-labelledby":`room-title`,children:[e(`header`,{children:[e(`h2`,{id:`room-title`,children:[e(`span`,{class:`hash`,"aria-hidden":`true`,children:`#`}),t]}),e(`ul`,{class:`faces`,"aria-label":`In this room`,children:T.slice(0,5).map(t=>e(`li`,{children:e(L,{of:t})},t.id))}),e(`span`,{class:`soft num wide`,children:[T.length,` here`]}),e(`button`,{class:`quiet num narrow`,type:`button`,"aria-expanded":c,"aria-controls":`people-panel`,onClick:l,children:[T.length,` here`]})]}),e(N,{entries:p,waiting:x,me:a,firstUnread:y.current,isLoading:m===`loading`,onRetry:e=>S(e.text,e.key)}),e(`div`,{class:`under`,children:[e(`p`,{class:`typing`,role:`status`,"aria-live":`polite`,children:w.length>0&&e(i,{children:[e(`span`,{class:`dots`,"aria-hidden":`true`,children:[e(`i`,{}),e(`i`,{}),e(`i`,{})]}),H(w),` `,w.length>1?`are`:`is`,` typing`]})}),g!==`open`&&p.length>0&&e(`p`,{class:`notice`,role:`status`,children:`Offline. What you write now is sent when the connection is back.`}),e(F,{room:t,onSend:S,onTyping:()=>h.typing(t).catch(()=>{})})]})]})}function N({entries:t,waiting:n,me:r,firstUnread:i,isLoading:s,onRetry:c}){let l=o(null),u=o(!0),d=o(void 0);if(d.current===void 0&&i!==void 0&&t.length>0){let e=t.length-i;d.current=i>0&&e>0?t[e]?.[0]??null:null}return a(()=>{let e=l.current;u.current&&(e.scrollTop=e.scrollHeight)}),f(()=>{let e=new ResizeObserver(()=>{u.current&&l.current&&(l.current.scrollTop=l.current.scrollHeight)});return e.observe(l.current),e.observe(l.current.firstElementChild),()=>e.disconnect()},[]),e(`div`,{class:`log`,ref:l,onScroll:()=>{let e=l.current;u.current=e.scrollHeight-e.scrollTop-e.clientHeight<60},role:`log`,"aria-label":`Messages`,tabIndex:0,"aria-busy":s,children:e(`ol`,{children:[t.map(([n,i],a)=>{let o=i,s=t[a-1],c=B(n),l=!s||B(s[0]).toDateString()!==c.toDateString(),u=!l&&n!==d.current&&s[1].user===o.user&&Number(n.split(`-`)[0])-Number(s[0].split(`-`)[0])<3e5;return[l&&e(`li`,{class:`divider`,children:e(`span`,{children:V(c)})},`day-${n}`),n===d.current&&e(`li`,{class:`divider new`,children:e(`span`,{children:`New`})},`new`),e(P,{line:o,time:c,mine:o.user===r.id,follows:u},o.key??n)]}),n.map(t=>e(P,{line:{user:r.id,name:r.name,hue:String(r.hue),text:t.text,key:t.key},mine:!0,follows:!1,note:t.failed?e(`button`,{class:`retry`,type:`button`,onClick:()=>c(t),children:`Not sent. Try again`}):`sending …`},t.key))]})})}function P({line:n,time:r,mine:i,follows:a,note:o}){return e(`li`,{class:`message ${i?`mine`:``} ${a?`follows`:``} ${o?`pending`:``}`,children:[!i&&(a?e(`span`,{class:`gap`}):e(L,{of:{name:n.name??`?`,hue:Number(n.hue)||30}})),e(`div`,{class:`bubble`,children:[!a&&e(`p`,{class:`who`,children:[i?`You`:n.name,` `,r&&e(`time`,{class:`num`,dateTime:r.toISOString(),children:t(r)})]}),e(`p`,{class:`text`,children:n.text}),o&&e(`p`,{class:`note`,children:o})]})]})}function F({room:t,onSend:n,onTyping:r}){let i=o(null),a=o(0),s=()=>{let e=i.current;e.style.height=`auto`,e.style.height=`${Math.min(e.scrollHeight+2,150)}px`},l=e=>{e?.preventDefault();let t=i.current.value.trim();t&&n(t),i.current.value=``,a.current=0,s(),i.current.focus()};return e(`form`,{class:`compose`,onSubmit:l,children:[e(`label`,{class:`hidden`,for:`text`,children:[`Message to #`,t]}),e(`textarea`,{class:`field`,id:`text`,ref:i,rows:1,maxLength:1e3,placeholder:`Message #${t}`,onInput:()=>{s(),Date.now()-a.current<1500||!i.current.value||(a.current=Date.now(),r())},onKeyDown:e=>{e.key===`Enter`&&!e.shiftKey&&!e.isComposing&&l(e)}}),e(`button`,{class:`button`,"aria-label":`Send`,children:e(c,{})})]})}function I({people:t,me:n,rename:r,isOpen:i,onClose:a}){let c=t.filter(e=>e.id!==n.id),l=o(null);return m(l,i,a),e(`aside`,{ref:l,class:`people ${i?`open`:``}`,id:`people-panel`,"aria-label":`People`,children:[e(`button`,{class:`icon-button close`,type:`button`,"aria-label":`Back to the room`,onClick:a,children:e(s,{})}),e(`h2`,{class:`label`,children:`Here now`}),e(`ul`,{id:`people`,children:[e(`li`,{class:`me`,children:[e(L,{of:n}),e(`div`,{children:[e(`label`,{class:`hidden`,for:`name`,children:`Your name`}),e(`input`,{class:`field`,id:`name`,value:n.name,maxLength:24,autocomplete:`off`,onChange:e=>{r(e.currentTarget.value),e.currentTarget.value||=n.name}})]})]}),c.map(t=>e(`li`,{children:[e(L,{of:t}),e(`div`,{children:[e(`b`,{children:t.name}),e(`span`,{class:`soft`,children:t.typing?`typing …`:`#${t.room}`})]})]},t.id))]}),c.length===0&&e(`p`,{class:`soft alone`,children:`Nobody else yet. Open this page in a private window, or on your phone, to be two.`})]})}var L=({of:t})=>e(`span`,{class:`avatar`,style:{"--hue":String(t.hue)},title:t.name,"aria-hidden":`true`,children:_(t.name)});function R(){let[e,t]=n(!document.hidden);return f(()=>{let e=()=>t(!document.hidden);return document.addEventListener(`visibilitychange`,e),()=>document.removeEventListener(`visibilitychange`,e)},[]),e}function z(e,t){let[n,r]=[Number(e??0),Number(t??0)];return r>n?n:n-r}var B=e=>new Date(Number(e.split(`-`)[0])),V=e=>e.toDateString()===new Date().toDateString()?`Today`:e.toLocaleDateString([],{weekday:`long`,day:`numeric`,month:`long`}),H=e=>e.length>2?`${e.length} people`:e.map(e=>e.name).join(` and `);h(`chat`,b,A);