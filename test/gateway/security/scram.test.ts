import { describe, expect, it } from 'vitest';
import { finishScram, parseScramFirst, scramKeys, scramServerFirst } from '../../../lib/gateway/security/scram.ts';

/** The example of RFC 7677, section 3. */
const PASSWORD = 'pencil';
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const NONCE = 'rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const FIRST = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
const FINAL = `c=biws,r=${NONCE},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;

describe('SCRAM', () => {
  const keys = scramKeys('SCRAM-SHA-256', PASSWORD, SALT);
  const first = parseScramFirst(FIRST)!;
  const serverFirst = scramServerFirst(keys, NONCE);

  it('is that of the RFC', () => {
    expect(first).toMatchObject({ user: 'user', clientNonce: 'rOprNGfwEbeRWgbNEkqO', channelBinding: 'biws' });
    expect(serverFirst).toBe(`r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
    expect(finishScram(keys, first, serverFirst, FINAL)).toBe('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  it.each([
    ['another password', scramKeys('SCRAM-SHA-256', 'pencils', SALT), FINAL],
    ['another nonce', keys, FINAL.replace('$k0', '$k1')],
    ['a nonce that is a part of ours', keys, FINAL.replace('$k0', '')],
    ['another channel binding', keys, FINAL.replace('biws', 'eSws')],
    ['no proof', keys, FINAL.replace(/,p=.*/, '')],
    ['a proof of another length', keys, FINAL.replace(/p=.*/, 'p=AAAA')],
    ['a proof of zeros', keys, FINAL.replace(/p=.*/, `p=${Buffer.alloc(32).toString('base64')}`)],
  ])('refuses %s', (_, kept, final) => {
    expect(finishScram(kept, first, serverFirst, final)).toBeNull();
  });

  it('reads names with commas and equals signs, and refuses what it does not have', () => {
    expect(parseScramFirst('n,,n=a=2Cb=3Dc,r=x')?.user).toBe('a,b=c');
    expect(parseScramFirst('y,,n=ada,r=x')?.channelBinding).toBe('eSws');
    expect(parseScramFirst('n,a=ada,n=ada,r=x')?.user).toBe('ada');
    for (const bad of [
      '',
      'n,,',
      'n,,n=,r=x',
      'n,,n=a=b,r=x',
      'n,,n=ada,r=',
      'p=tls-unique,,n=ada,r=x',
      'n,a=bob,n=ada,r=x',
    ]) {
      expect(parseScramFirst(bad), bad).toBeNull();
    }
  });
});
