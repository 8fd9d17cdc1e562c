import { createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ScramExchange } from '../../../../../src/wire/client/security/scram-exchange.ts';

describe('SCRAM', () => {
  it('says what the example of RFC 7677 says, and believes the server of it', async () => {
    const scram = new ScramExchange('sha256', 'user', 'pencil', { nonce: 'rOprNGfwEbeRWgbNEkqO' });
    expect(scram.first().toString()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
    expect((await scram.final(Buffer.from(serverFirst))).toString()).toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    scram.verify(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='));
  });

  it('works with SHA-512, and escapes what a user name may not hold', async () => {
    const scram = new ScramExchange('sha512', 'a=b,c', 'pw', { nonce: 'N' });
    expect(scram.first().toString()).toBe('n,,n=a=3Db=2Cc,r=N');
    const salt = Buffer.from('0123456789abcdef');
    const serverFirst = `r=NM,s=${salt.toString('base64')},i=8192`;
    await scram.final(Buffer.from(serverFirst));
    const salted = pbkdf2Sync('pw', salt, 8192, 64, 'sha512');
    const hmac = (key: Buffer, data: string) => createHmac('sha512', key).update(data).digest();
    const message = `n=a=3Db=2Cc,r=N,${serverFirst},c=biws,r=NM`;
    scram.verify(Buffer.from(`v=${hmac(hmac(salted, 'Server Key'), message).toString('base64')}`));
  });

  it('refuses a server that does not know the password, cuts the nonce, or asks for too little or too much work', async () => {
    const open = () => new ScramExchange('sha256', 'u', 'p', { nonce: 'N' });
    const answers = async (text: string) => await open().final(Buffer.from(text));
    await expect(answers('r=X,s=AAAA,i=4096')).rejects.toThrow('did not continue our nonce');
    await expect(answers('r=N,s=AAAA,i=4096')).rejects.toThrow('did not continue our nonce');
    await expect(answers('r=NM,s=,i=4096')).rejects.toThrow('no salt');
    await expect(answers('r=NM,s=AAAA,i=4095')).rejects.toThrow('expected 4096 to 1000000 iterations, got "4095"');
    await expect(answers('r=NM,s=AAAA,i=2000000000')).rejects.toThrow('iterations');
    await expect(answers('m=x,r=NM,s=AAAA,i=4096')).rejects.toThrow('extension');
    const scram = open();
    await scram.final(Buffer.from('r=NM,s=AAAA,i=4096'));
    expect(() => scram.verify(Buffer.from('v=AAAA'))).toThrow('did not prove');
    expect(() => scram.verify(Buffer.from('e=invalid-proof'))).toThrow('refused: invalid-proof');
    expect(() => open().verify(Buffer.from('v='))).toThrow('did not prove');
  });
});
