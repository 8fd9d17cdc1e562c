/** Whether an address is one that only programs on this machine can connect from, or to. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/** Whether the name in a `Host` header is one of this machine: a page that gave itself another name for it is told apart by that. */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}
