/** What is found is shown as text only: names, keys and parameters come from events, which anybody may have written. */
const script = `
const rows = document.querySelector('tbody');
const state = document.querySelector('#state');
let count = 0;
const say = (text) => { state.textContent = text; };
const source = new EventSource('/matches');
source.onopen = () => say(count + ' matches, watching');
source.onerror = () => say(count + ' matches, connection lost, trying again');
source.addEventListener('match', ({ data }) => {
  const match = JSON.parse(data);
  const row = document.createElement('tr');
  const shown = (value) => value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  const places = match.events.map((event) => event.topic + '/' + event.partition + '@' + event.offset).join(' ');
  for (const text of [match.at, match.action, shown(match.key), shown(match.parameters), places]) {
    row.insertCell().textContent = text;
  }
  rows.prepend(row);
  if (rows.rows.length > 500) rows.lastElementChild.remove();
  say(++count + ' matches, watching');
});
source.addEventListener('dropped', ({ data }) => {
  count += JSON.parse(data).count;
  say(count + ' matches, ' + JSON.parse(data).count + ' of them too fast to show');
});
`;

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rule matches</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { margin: 1.5rem; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
</style>
<h1>Rule matches</h1>
<p id="state" role="status">connecting</p>
<table>
  <thead><tr><th scope="col">Event time</th><th scope="col">Action</th><th scope="col">Key</th><th scope="col">Parameters</th><th scope="col">Events</th></tr></thead>
  <tbody></tbody>
</table>
<script>${script}</script>
</html>
`;

/** The page that shows matches as they are found, newest first; needs nothing from elsewhere. */
export const dashboardPage = { html, script };
