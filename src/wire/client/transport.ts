import { connect, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Opens the byte stream under a connection: plain TCP, or TLS, which is another function of this shape. */
export type Transport = (address: { host: string; port: number }) => Socket;

export const tcp: Transport = ({ host, port }) => connect({ host, port, noDelay: true, keepAlive: true });

/** Resolves once bytes can be sent: for TLS, after the certificates were checked. */
export function whenConnected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
