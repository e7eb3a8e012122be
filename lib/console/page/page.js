// The page of `millrace dev`: no framework, no build. Text is set as text, never as HTML, since records may hold anything.

const view = document.querySelector('#view');
const state = document.querySelector('#state');
const VIEWS = { topics: 'Topics', groups: 'Groups', subscriptions: 'Subscriptions', 'dead-letters': 'Dead letters' };
const NEWS_KEPT = 100;

/** An element with attributes, listeners (`onClick`), and children; text stays text. */
function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2).toLowerCase(), value);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined)
      .map(asNode),
  );
  return element;
}
const asNode = (child) => (child instanceof Node ? child : String(child));

async function ask(path, body) {
  const options = body && {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const response = await fetch(`/api/${path}`, options || undefined);
  const answer = await response.json();
  if (!response.ok) throw new Error([answer.message, answer.hint].filter(Boolean).join('. '));
  return answer;
}

function complain(error) {
  const toast = document.querySelector('#toast');
  toast.textContent = error.message;
  toast.hidden = false;
  clearTimeout(complain.timer);
  complain.timer = setTimeout(() => {
    toast.hidden = true;
  }, 6000);
}

/** Does something that changes the log, then looks again. */
const act = (action) => async (event) => {
  event?.preventDefault();
  try {
    await action(event);
    await refresh();
  } catch (error) {
    complain(error);
  }
};

function table(columns, rows) {
  const head = columns.map(([title, , kind]) => h('th', { class: kind === 'number' ? 'number' : undefined }, title));
  const cells = (row) => columns.map(([, cell, kind]) => h('td', { class: kind }, cell(row) ?? '–'));
  if (rows.length === 0) return h('p', { class: 'faint' }, 'Nothing here.');
  return h(
    'table',
    {},
    h('thead', {}, h('tr', {}, head)),
    h(
      'tbody',
      {},
      rows.map((row) => h('tr', {}, cells(row))),
    ),
  );
}

const number = (value) => Number(value).toLocaleString('en');
const time = (ms) => (Number(ms) > 0 ? new Date(Number(ms)).toLocaleString() : '–');
const seconds = (ms) => (ms === null ? '?' : `${(ms / 1000).toFixed(1)} s`);
const records = (count) => `${number(count)} record${Number(count) === 1 ? '' : 's'}`;
const sum = (list, of) => list.reduce((total, one) => total + Number(of(one)), 0);

function topicsView({ topics }, [name]) {
  const topic = topics.find((one) => one.name === name);
  if (name !== undefined && topic !== undefined) return topicView(topic);
  const count = (one) => sum(one.partitions, (p) => p.highWatermark) - sum(one.partitions, (p) => p.logStartOffset);
  return [
    h(
      'section',
      {},
      h('h2', {}, 'Topics'),
      table(
        [
          ['topic', (one) => h('a', { href: `#topics/${encodeURIComponent(one.name)}` }, one.name)],
          ['partitions', (one) => one.partitions.length, 'number'],
          ['records', (one) => number(count(one)), 'number'],
        ],
        topics,
      ),
      h(
        'form',
        {
          onSubmit: act(({ target }) =>
            ask('topics', { name: target.name.value, partitions: Number(target.count.value) }),
          ),
        },
        h('label', {}, 'new topic', h('input', { name: 'name', required: true })),
        h('label', {}, 'partitions', h('input', { name: 'count', type: 'number', min: 1, value: 1 })),
        h('button', {}, 'Create'),
      ),
    ),
  ];
}

function topicView(topic) {
  const list = h('section', {}, h('h2', {}, 'Newest records'), h('p', { class: 'faint' }, 'reading …'));
  const send = act(async ({ target }) => {
    const { key, value, partition } = target;
    const chosen = partition.value === '' ? {} : { partition: Number(partition.value) };
    await ask(`topics/${encodeURIComponent(topic.name)}/records`, { key: key.value, value: value.value, ...chosen });
    value.value = '';
  });
  ask(`topics/${encodeURIComponent(topic.name)}/records`)
    .then((newest) => list.replaceChildren(h('h2', {}, 'Newest records'), recordsTable(newest)))
    .catch(complain);
  return [
    h(
      'section',
      {},
      h('h2', {}, topic.name),
      table(
        [
          ['partition', (one) => one.partition, 'number'],
          ['log start', (one) => number(one.logStartOffset), 'number'],
          ['high watermark', (one) => number(one.highWatermark), 'number'],
        ],
        topic.partitions,
      ),
      h(
        'form',
        { onSubmit: send },
        h('label', {}, 'key', h('input', { name: 'key' })),
        h('label', {}, 'value', h('textarea', { name: 'value', rows: 1, cols: 40, required: true })),
        h('label', {}, 'partition', h('input', { name: 'partition', type: 'number', min: 0, placeholder: 'by key' })),
        h('button', { class: 'main' }, 'Send'),
      ),
    ),
    list,
  ];
}

function recordsTable(newest) {
  return table(
    [
      ['partition', (one) => one.partition, 'number'],
      ['offset', (one) => one.offset, 'number'],
      ['time', (one) => time(one.timestampMs)],
      ['key', (one) => one.key, 'wide'],
      ['value', (one) => pretty(one.value), 'wide'],
      ['headers', (one) => one.headers.map(({ key, value }) => `${key}: ${value}`).join('\n'), 'wide'],
    ],
    newest,
  );
}

/** JSON with its structure, anything else as it is. */
function pretty(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null ? JSON.stringify(value, null, 1) : text;
  } catch {
    return text;
  }
}

function groupsView({ groups }) {
  return groups.map((group) =>
    h(
      'section',
      {},
      h(
        'div',
        { class: 'row' },
        h('h2', {}, group.name),
        h('span', { class: 'faint' }, `${group.kind}, ${group.state}`),
      ),
      table(
        [
          ['topic', (one) => one.topic],
          ['partition', (one) => one.partition, 'number'],
          ['committed', (one) => one.committed, 'number'],
          ['high watermark', (one) => one.highWatermark, 'number'],
          ['lag', (one) => number(one.lag), 'number'],
          ['lag in time', (one) => seconds(one.lagMs), 'number'],
          ['member', (one) => one.owner],
        ],
        group.partitions,
      ),
    ),
  );
}

function subscriptionsView({ subscriptions, functions }) {
  const sections = subscriptions.map((one) => {
    const { group, options, topic, target, partitions, dead, lag, metrics } = one;
    const verb = options.enabled ? 'pause' : 'resume';
    const isHere = functions.includes(target);
    return h(
      'section',
      {},
      h(
        'div',
        { class: 'row' },
        h('h2', {}, group),
        h('span', { class: options.enabled ? 'good' : 'bad' }, options.enabled ? 'on' : 'paused'),
        h('a', { href: `#dead-letters/${encodeURIComponent(group)}` }, `${dead ?? 'no'} dead letters`),
        h('button', { onClick: act(() => ask(`subscriptions/${encodeURIComponent(group)}/${verb}`, {})) }, verb),
      ),
      h(
        'p',
        {},
        'topic ',
        h('a', { href: `#topics/${encodeURIComponent(topic)}` }, topic),
        ` → function ${target} `,
        isHere ? null : h('span', { class: 'bad' }, '(not here)'),
      ),
      h('p', { class: lag.furthest === null ? 'faint' : undefined }, lagText(lag)),
      table(
        [
          ['partition', (part) => part.partition, 'number'],
          ['committed', (part) => part.committed, 'number'],
          ['high watermark', (part) => part.highWatermark, 'number'],
          ['lag', (part) => number(part.lag), 'number'],
          ['lag in time', (part) => seconds(part.lagMs), 'number'],
          ['state', (part) => part.state],
          ['failed', (part) => part.failed, 'number'],
          ['last error', (part) => (part.error ? h('span', { class: 'bad' }, part.error) : '–')],
        ],
        partitions,
      ),
      metricsList(metrics),
    );
  });
  return [...sections, h('p', { class: 'faint' }, `Functions here: ${functions.join(', ') || 'none'}.`)];
}

function lagText({ records: behind, maxMs, furthest }) {
  if (furthest === null) return 'Nothing is left to do.';
  return `${records(behind)} behind, the oldest for ${seconds(maxMs)} in partition ${furthest}.`;
}

/** What was counted since `millrace dev` began, by the names of Lambda's event source mappings. */
function metricsList(metrics) {
  const entries = Object.entries(metrics);
  if (entries.length === 0) return null;
  return h(
    'dl',
    { class: 'metrics', 'aria-label': 'metrics since the start' },
    entries.map(([name, value]) => {
      const unit = /(Age|TimeLag)$/.test(name) ? ' ms' : '';
      return h('div', {}, h('dt', {}, name), h('dd', {}, `${number(value)}${unit}`));
    }),
  );
}

function deadLettersView({ subscriptions }, [name]) {
  const group = name ?? subscriptions.find(({ dead }) => dead)?.group ?? subscriptions[0]?.group;
  if (group === undefined) return [h('p', { class: 'faint' }, 'There is no subscription.')];
  const path = `subscriptions/${encodeURIComponent(group)}`;
  const list = h('div', {}, h('p', { class: 'faint' }, 'reading …'));
  ask(`${path}/dead-letters`)
    .then((letters) => list.replaceChildren(lettersTable(path, letters)))
    .catch((error) => list.replaceChildren(h('p', { class: 'faint' }, error.message)));
  const choice = h(
    'select',
    {
      'aria-label': 'subscription',
      onChange: ({ target }) => location.assign(`#dead-letters/${encodeURIComponent(target.value)}`),
    },
    subscriptions.map((one) => h('option', { selected: one.group === group }, one.group)),
  );
  return [
    h(
      'section',
      {},
      h(
        'div',
        { class: 'row' },
        h('h2', {}, 'Dead letters of'),
        choice,
        h('button', { class: 'main', onClick: act(() => ask(`${path}/redrive`, {})) }, 'Send all back'),
      ),
      list,
    ),
  ];
}

function lettersTable(path, letters) {
  const at = ({ partition, offset }) => ({ partition, offset });
  return table(
    [
      ['origin', ({ origin }) => `${origin.topic}-${origin.partition}@${origin.offset}`],
      ['given up', (one) => time(one.failedAtMs)],
      ['attempts', (one) => one.attempts, 'number'],
      ['sent back', (one) => one.redrives, 'number'],
      ['key', (one) => one.key, 'wide'],
      ['value', (one) => pretty(one.value), 'wide'],
      ['error', (one) => h('span', { class: 'bad', title: one.stack }, one.error), 'wide'],
      [
        '',
        (one) =>
          h(
            'span',
            { class: 'row' },
            h('button', { onClick: act(() => ask(`${path}/redrive`, at(one))) }, 'Send back'),
            h('button', { onClick: act(() => ask(`${path}/discard`, at(one))) }, 'Discard'),
          ),
      ],
    ],
    letters,
  );
}

const DRAW = {
  topics: topicsView,
  groups: groupsView,
  subscriptions: subscriptionsView,
  'dead-letters': deadLettersView,
};
let shown = '';
let overview = null;

/** What the address asks for: a view, and what to show in it. */
function place() {
  const [name, ...rest] = location.hash.slice(1).split('/').map(decodeURIComponent);
  return { name: name in DRAW ? name : 'topics', rest: rest.filter(Boolean) };
}

function draw(force) {
  const { name, rest } = place();
  document.title = `${[...rest, VIEWS[name]].join(' · ')} · Millrace`;
  document
    .querySelector('#tabs')
    .replaceChildren(
      ...Object.entries(VIEWS).map(([key, title]) =>
        h('a', { href: `#${key}`, 'aria-current': key === name ? 'page' : undefined }, title),
      ),
    );
  // Nothing is drawn anew while it is as it was, or while somebody types.
  const now = JSON.stringify([name, rest, overview], (key, value) =>
    key === 'lagMs' || key === 'maxMs' ? undefined : value,
  );
  const isTyping =
    view.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (!force && (now === shown || isTyping)) return;
  shown = now;
  const parts = DRAW[name](overview, rest);
  view.replaceChildren(...(parts.length > 0 ? parts : [h('p', { class: 'faint' }, 'Nothing here yet.')]));
}

async function refresh(force = true) {
  overview = await ask('overview');
  draw(force);
}

const NEWS = {
  invoked: (n) =>
    `${n.group}: ${records(n.records)} handed over in ${Math.round(n.durationMs)} ms${n.failed ? `, ${n.failed} failed: ${n.error}` : ''}`,
  pulled: (n) =>
    `${n.group}: ${n.records} pulled in ${Math.round(n.durationMs)} ms${n.failed ? `, ${n.failed} failed` : ''}`,
  'given-up': (n) =>
    `${n.group}: ${n.records} ${n.to === 'retry-topic' ? 'to be given again later' : 'given up'}: ${n.error || n.reason}`,
  throttled: (n) => `${n.group}: not called: ${n.error}`,
  waiting: (n) => `${n.group}: waits until ${new Date(n.untilMs).toLocaleTimeString()}`,
  filtered: (n) => `${n.group}: ${n.records} left out by the filter`,
  'destination-failed': (n) => `${n.group}: dead letters cannot be written: ${n.error}`,
  undecodable: (n) => `${n.group}: ${n.records} not understood: ${n.error}`,
  unreadable: (n) => `${n.group}: cannot read: ${n.error}`,
  'cold-start': (n) => `${n.name}: a process begins`,
  reloaded: (n) => `${n.name}: reloaded`,
  'init-failed': (n) => `${n.name}: cannot begin: ${n.error}`,
  log: (n) => `${n.name}: ${n.line}`,
};
const BAD = new Set(['given-up', 'throttled', 'destination-failed', 'unreadable', 'init-failed']);

function showNews(news) {
  const text = NEWS[news.kind]?.(news) ?? `${news.group ?? news.name}: ${news.kind}`;
  const list = document.querySelector('#news');
  const isBad = BAD.has(news.kind) || news.failed > 0;
  list.prepend(h('li', { class: isBad ? 'bad' : undefined }, `${new Date(news.atMs).toLocaleTimeString()} ${text}`));
  while (list.children.length > NEWS_KEPT) list.lastChild.remove();
}

new EventSource('/api/news').addEventListener('message', ({ data }) => showNews(JSON.parse(data)));
addEventListener('hashchange', () => draw(true));

/** Looks again every second, and says when nobody answers. */
async function watch() {
  try {
    await refresh(false);
    state.textContent = 'up to date';
    state.className = 'good';
  } catch (error) {
    state.textContent = `no answer: ${error.message}`;
    state.className = 'bad';
  }
  setTimeout(watch, 1000);
}
watch();
