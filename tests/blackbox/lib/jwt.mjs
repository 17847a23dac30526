// Tokens made by hand, so that bad ones can be made as well.
import { createHmac, createSign } from 'node:crypto';

export const SECRET = 'a secret of thirty-two bytes, or more';
export const base64url = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
export const seconds = () => Math.floor(Date.now() / 1000);

/** A token by HS256, with an `exp` a minute from now unless the claims have one. */
export function token(claims = {}, { secret = SECRET, header = {} } = {}) {
  const signed = `${base64url({ alg: 'HS256', typ: 'JWT', ...header })}.${base64url({ sub: 'ann', iat: seconds(), exp: seconds() + 60, ...claims })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** A token by RS256 or ES256, signed with a private key object. */
export function signed(algorithm, key, claims = {}, header = {}) {
  const text = `${base64url({ alg: algorithm, ...header })}.${base64url({ sub: 'ann', exp: seconds() + 60, ...claims })}`;
  const options = algorithm.startsWith('ES') ? { key, dsaEncoding: 'ieee-p1363' } : key;
  return `${text}.${createSign('sha256').update(text).sign(options).toString('base64url')}`;
}
