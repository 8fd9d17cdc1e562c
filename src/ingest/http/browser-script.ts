/**
 * The script that pages load: `<script async src="https://HOST/sluice.js" data-topic="site"></script>`. It sends a page view, and whatever the page
 * gives to `sluice(type, fields)`. Events wait in localStorage (at most 100 of them) until the log has them: a batch keeps its id when
 * it is sent again, so within the window of idempotency keys it is written once.
 */
export const browserScript = `(function () {
  var me = document.currentScript, name = 'sluice-events', limit = 100;
  var topic = me.getAttribute('data-topic') || '';
  var to = new URL('beacon', me.src).href + '?topic=' + encodeURIComponent(topic);
  var memory = { wait: [], sent: null }, busy = false, pause = 1000;
  function id() {
    return Date.now().toString(36) + Math.random().toString(36).slice(2, 12);
  }
  function load() {
    try { memory = JSON.parse(localStorage.getItem(name)) || memory; } catch (e) {}
  }
  function save() {
    try { localStorage.setItem(name, JSON.stringify(memory)); } catch (e) {}
  }
  function visitor() {
    try {
      var v = localStorage.getItem('sluice-visitor') || id();
      localStorage.setItem('sluice-visitor', v);
      return v;
    } catch (e) {}
  }
  function batch() {
    if (!memory.sent && memory.wait.length) {
      memory.sent = { id: id(), events: memory.wait.splice(0, 20) };
      save();
    }
    return memory.sent;
  }
  function send() {
    load();
    var b = batch();
    if (busy || !b) return;
    busy = true;
    fetch(to + '&id=' + b.id, { method: 'POST', body: JSON.stringify(b.events), keepalive: true }).then(function (r) {
      if (r.status >= 500 || r.status === 429) throw 0;
      load();
      if (memory.sent && memory.sent.id === b.id) memory.sent = null;
      save();
      busy = false;
      pause = 1000;
      send();
    }).catch(function () {
      busy = false;
      setTimeout(send, pause = Math.min(pause * 2, 60000));
    });
  }
  window.sluice = function (type, fields) {
    load();
    memory.wait.push(Object.assign({ ts: new Date().toISOString(), type: type, event_id: id(),
      visitor: visitor(), page: location.href, referrer: document.referrer }, fields));
    memory.wait = memory.wait.slice(-limit);
    save();
    send();
  };
  addEventListener('pagehide', function () {
    var b = batch();
    if (b && navigator.sendBeacon) navigator.sendBeacon(to + '&id=' + b.id, JSON.stringify(b.events));
  });
  window.sluice('page_view');
})();
`;
