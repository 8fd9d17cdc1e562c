// A WebHDFS client that dies in the middle of an upload: `half-upload.mjs HOST:PORT PATH BYTES` announces BYTES, sends half of
// them, prints "half" and waits for its end.
import { request } from 'node:http';

const [nameNode, path, size] = process.argv.slice(2);
const [host, port] = nameNode.split(':');
const url = `/webhdfs/v1${path}?op=CREATE&overwrite=false&user.name=root`;

request({ host, port, method: 'PUT', path: url }, (redirect) => {
  redirect.resume();
  const target = new URL(redirect.headers.location);
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': size };
  const upload = request({
    host: target.hostname,
    port: target.port,
    method: 'PUT',
    path: target.pathname + target.search,
    headers,
  });
  upload.write(Buffer.alloc(Math.floor(Number(size) / 2), 7), () => console.log('half'));
}).end();
