// Draws the panels of the dashboards from the answers to their queries, roughly as Grafana would.
//
//   node pictures.mjs ANSWERS FOLDER [dark]
//
// ANSWERS is what the end-to-end test keeps with WATTLEDGER_ANSWERS; FOLDER gets a page for each dashboard.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [answersFile, folder, theme = 'light'] = process.argv.slice(2);
if (!folder) {
  console.error('usage: node pictures.mjs ANSWERS FOLDER [dark]');
  process.exit(2);
}
const { range, answers } = JSON.parse(readFileSync(answersFile, 'utf8'));
const grafana = join(dirname(fileURLToPath(import.meta.url)), '../../dashboards/grafana');
const ROW = 38;
const COLUMN = 58;
const PALETTE = ['#73bf69', '#f2cc0c', '#8ab8ff', '#ff780a', '#f2495c', '#5794f2', '#b877d9', '#705da0', '#37872d'];
const NAMED = {
  green: '#56a64b', 'semi-dark-green': '#37872d', yellow: '#e0b400', orange: '#ff780a', 'semi-dark-orange': '#e55400',
  red: '#e02f44', blue: '#3274d9', 'semi-dark-blue': '#1f60c4', purple: '#a352cc',
  text: theme === 'dark' ? '#ccccdc' : '#24292e',
};
const escape = (text) => String(text).replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);

// ---- values ----

const scaled = (value, base, units) => {
  let at = 0;
  while (Math.abs(value) >= base && at < units.length - 1) {
    value /= base;
    at += 1;
  }
  return [value, units[at]];
};

const shown = (value, { unit = 'none', decimals, mappings = [] } = {}) => {
  for (const { options } of mappings) if (options[value]) return options[value].text;
  if (typeof value !== 'number') return value ?? '–';
  const digits = (number) => number.toFixed(decimals ?? (Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2));
  const with_ = (base, units, start = value) => {
    const [number, word] = scaled(start, base, units);
    return `${digits(number)} ${word}`;
  };
  switch (unit) {
    case 'percentunit': return `${(value * 100).toFixed(decimals ?? 1)}%`;
    case 'watt': return with_(1000, ['W', 'kW', 'MW']);
    case 'kwatth': return with_(1000, ['kWh', 'MWh', 'GWh']);
    case 'masskg': return with_(1000, ['kg', 't', 'kt']);
    case 'litre': return with_(1000, ['L', 'kL', 'ML']);
    case 'bytes': return with_(1024, ['B', 'KiB', 'MiB', 'GiB']);
    case 'short': return with_(1000, ['', 'K', 'Mil']);
    case 's': return Math.abs(value) >= 3600 ? `${digits(value / 3600)} h` : `${digits(value)} s`;
    case 'd': return `${digits(value)} days`;
    default: return `${digits(value)}${unit.startsWith('suffix: ') ? ` ${unit.slice(8)}` : ''}`;
  }
};

const colorOf = (value, config, plain = NAMED.text) => {
  for (const { options } of config.mappings ?? []) if (options[value]?.color) return NAMED[options[value].color];
  if (typeof value !== 'number') return plain;
  let color = plain;
  for (const step of config.thresholds?.steps ?? []) if (step.value === null || value >= step.value) color = NAMED[step.color];
  return color;
};

/** The settings of one field: the defaults, and what is set for its name. */
const configOf = (panel, name) => {
  const config = structuredClone(panel.fieldConfig.defaults);
  config.custom ??= {};
  for (const { matcher, properties } of panel.fieldConfig.overrides) {
    const hit = matcher.id === 'byName' ? matcher.options === name : new RegExp(`^(${matcher.options})$`).test(name);
    if (!hit) continue;
    for (const { id, value } of properties) {
      if (id.startsWith('custom.')) config.custom[id.slice(7)] = value;
      else config[id] = value;
    }
  }
  return config;
};

// ---- from rows to series and tables ----

const columnsOf = (query) => {
  const outer = query.replace(/FROM \(.*\)/s, 'FROM x');
  return new Set([...(outer.match(/GROUP BY (.*)/s)?.[1] ?? '').matchAll(/"([^"]+)"/g)].map((m) => m[1]));
};

const seriesOf = (panel, file) => {
  const found = new Map();
  for (const target of panel.targets.filter((target) => target.resultFormat === 'time_series')) {
    const rows = answers[file][`${file}: panel \`${panel.title}\`, query ${target.refId}`] ?? [];
    const tags = columnsOf(target.query);
    for (const row of rows) {
      const name = target.alias.replace(/\$tag_(\w+)/g, (_, tag) => row[tag] ?? '?');
      const column = Object.keys(row).find((key) => key !== 'time' && !tags.has(key));
      if (!found.has(name)) found.set(name, []);
      if (row[column] !== null) found.get(name).push([row.time, row[column]]);
    }
  }
  const inOrder = [...found].map(([name, points]) => ({ name, points: points.sort((a, b) => a[0] - b[0]) }));
  return inOrder.map((series, at) => {
    const config = configOf(panel, series.name);
    const fixed = config.color?.mode === 'fixed' ? NAMED[config.color.fixedColor] : undefined;
    return { ...series, config, color: fixed ?? PALETTE[at % PALETTE.length] };
  });
};

/** Rows of all table queries: joined where the panel joins them. */
const tableOf = (panel, file) => {
  const ids = (panel.transformations ?? []).map(({ id }) => id);
  const byTime = ids.includes('joinByField');
  const joined = new Map();
  let alone = 0;
  for (const target of panel.targets.filter((target) => target.resultFormat === 'table')) {
    const tags = columnsOf(target.query);
    for (const row of answers[file][`${file}: panel \`${panel.title}\`, query ${target.refId}`] ?? []) {
      const merge = ids.includes('merge') ? [...tags].map((tag) => row[tag]).join('|') : String((alone += 1));
      const key = byTime ? row.time : merge;
      joined.set(key, { ...joined.get(key), ...row });
    }
  }
  const organize = panel.transformations?.find(({ id }) => id === 'organize')?.options;
  const order = organize?.indexByName ?? {};
  let rows = [...joined.values()];
  const calculated = panel.transformations?.find(({ id }) => id === 'calculateField')?.options;
  if (calculated) {
    const { left, right } = calculated.binary;
    rows = rows.map((row) => ({ time: row.time, [calculated.alias]: row[left] / row[right] }));
  }
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const hidden = new Set(ids.includes('merge') ? ['time'] : Object.keys(organize?.excludeByName ?? {}).map((n) => (n === 'Time' ? 'time' : n)));
  const columns = [...names].filter((name) => !hidden.has(name));
  columns.sort((a, b) => (order[a] ?? (typeof rows[0]?.[a] === 'string' ? -1 : 99)) - (order[b] ?? (typeof rows[0]?.[b] === 'string' ? -1 : 99)));
  const sort = panel.transformations?.find(({ id }) => id === 'sortBy')?.options.sort[0];
  if (sort) rows.sort((a, b) => (sort.desc ? b[sort.field] - a[sort.field] : a[sort.field] - b[sort.field]));
  return { rows, columns };
};

// ---- pictures ----

const ticks = (low, high, count) => {
  const raw = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw);
  const out = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) out.push(at);
  return out;
};

const frame = (w, h, x, y, xLabel, yLabel) => {
  let out = '';
  for (const at of ticks(y.low, y.high, 5)) {
    const py = y.to(at);
    out += `<line x1="${x.left}" x2="${w}" y1="${py}" y2="${py}" class="grid"/><text x="${x.left - 5}" y="${py + 4}" text-anchor="end">${escape(yLabel(at))}</text>`;
  }
  for (const at of x.ticks) out += `<text x="${x.to(at)}" y="${h - 3}" text-anchor="middle">${escape(xLabel(at))}</text>`;
  return out;
};

const scale = (low, high, from, to) => ({ low, high, to: (value) => from + ((value - low) / (high - low || 1)) * (to - from) });

const lines = (panel, series, w, h) => {
  const times = series.flatMap(({ points }) => points.map(([time]) => time));
  const span = [Math.min(...times), Math.max(...times)];
  const gaps = series.flatMap(({ points }) => points.slice(1).map(([time], at) => time - points[at][0]));
  const step = Math.min(...gaps.filter((gap) => gap > 0), (span[1] - span[0]) / 3 || 3_600_000);
  const sums = new Map();
  const drawn = series.map((one) => {
    const { stacking, transform } = one.config.custom;
    const sign = transform === 'negative-Y' ? -1 : 1;
    const points = one.points.map(([time, value]) => {
      if (stacking?.mode !== 'normal') return [time, 0, sign * value];
      const key = `${stacking.group} ${time}`;
      const base = sums.get(key) ?? 0;
      sums.set(key, base + sign * value);
      return [time, base, base + sign * value];
    });
    return { ...one, points };
  });
  const { defaults } = panel.fieldConfig;
  const heights = drawn.flatMap(({ points, config }) => points.flatMap(([, base, top]) => (config.custom.drawStyle === 'bars' ? [base, top] : [top])));
  let low = Math.min(...heights, defaults.min ?? Infinity);
  let high = Math.max(...heights, defaults.max ?? -Infinity);
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  if (defaults.max === undefined) high += (high - low) * 0.05;
  const legend = 18;
  const y = scale(low, high, h - 20 - legend, 6);
  const x = { ...scale(span[0], span[1] + (drawn[0]?.config.custom.drawStyle === 'bars' ? step : 0), 86, w - 6), left: 86 };
  const hours = (span[1] - span[0]) / 3_600_000;
  x.ticks = Array.from({ length: 6 }, (_, at) => span[0] + ((at + 0.5) * (span[1] - span[0])) / 6);
  const label = (at) => new Date(at).toISOString().slice(...(hours > 72 ? [5, 10] : [5, 16])).replace('T', ' ');
  let out = frame(w, h - legend, x, y, label, (at) => shown(at, { ...defaults, decimals: defaults.decimals }));
  for (const step of panel.fieldConfig.defaults.custom.thresholdsStyle ? defaults.thresholds.steps : []) {
    if (step.value !== null && step.value >= low && step.value <= high)
      out += `<line x1="86" x2="${w}" y1="${y.to(step.value)}" y2="${y.to(step.value)}" stroke="${NAMED[step.color]}" stroke-dasharray="6 4"/>`;
  }
  for (const { name, points, config, color } of drawn) {
    const custom = config.custom;
    if (custom.drawStyle === 'bars') {
      const width = Math.max(1, Math.abs(x.to(step) - x.to(0)) * 0.8);
      for (const [time, base, top] of points) {
        const [a, b] = [y.to(base), y.to(top)];
        out += `<rect x="${x.to(time)}" y="${Math.min(a, b)}" width="${width}" height="${Math.abs(a - b)}" fill="${color}" fill-opacity="${custom.fillOpacity / 100}" stroke="${color}" stroke-width="0.5"/>`;
      }
      continue;
    }
    let path = '';
    points.forEach(([time, , top], at) => {
      const gap = at > 0 && !custom.spanNulls && time - points[at - 1][0] > 3.5 * step && custom.drawStyle !== 'line';
      path += `${at === 0 || gap ? 'M' : 'L'}${x.to(time).toFixed(1)} ${y.to(top).toFixed(1)}`;
    });
    const lower = drawn.find((other) => other.name === custom.fillBelowTo);
    if (lower) {
      const back = [...lower.points].reverse().map(([time, , top]) => `L${x.to(time).toFixed(1)} ${y.to(top).toFixed(1)}`).join('');
      out += `<path d="${path}${back}Z" fill="${color}" fill-opacity="${custom.fillOpacity / 100}"/>`;
    } else if (custom.fillOpacity > 0) {
      const back = [...points].reverse().map(([time, base]) => `L${x.to(time).toFixed(1)} ${y.to(custom.stacking?.mode === 'normal' ? base : Math.max(low, 0)).toFixed(1)}`).join('');
      out += `<path d="${path}${back}Z" fill="${color}" fill-opacity="${custom.fillOpacity / 100}"/>`;
    }
    const dash = custom.lineStyle ? ` stroke-dasharray="${custom.lineStyle.dash.join(' ')}"` : '';
    out += `<path d="${path}" fill="none" stroke="${color}" stroke-width="${custom.lineWidth}"${dash}/>`;
    if (points.length < 30 && custom.showPoints !== 'never')
      out += points.map(([time, , top]) => `<circle cx="${x.to(time)}" cy="${y.to(top)}" r="2" fill="${color}"/>`).join('');
    if (process.env.VERBOSE) console.log(panel.title, name, points.length);
  }
  const names = drawn.map(({ name, color }) => `<tspan fill="${color}">▬ </tspan><tspan>${escape(name)}  </tspan>`).join('');
  return `${out}<text x="4" y="${h - 4}">${names}</text>`;
};

const figures = (panel, series, w, h) => {
  const each = w / series.length;
  return series
    .map(({ name, points, config, color }, at) => {
      const value = points.at(-1)?.[1];
      const ink = config.color?.mode === 'thresholds' ? colorOf(value, config) : color;
      const middle = (at + 0.5) * each;
      return `<text x="${middle}" y="${h / 2 - 18}" text-anchor="middle">${escape(name)}</text><text x="${middle}" y="${h / 2 + 16}" text-anchor="middle" style="font-size:24px;fill:${ink}">${escape(shown(value, config))}</text>`;
    })
    .join('');
};

const grid = (panel, file) => {
  const { rows, columns } = tableOf(panel, file);
  const cell = (name, value) => {
    const config = configOf(panel, name);
    const ink = config.custom?.cellOptions?.type === 'color-text' ? ` style="color:${colorOf(value, config)}"` : '';
    const text = name === 'time' ? new Date(value).toISOString().slice(0, 19) : shown(value, config);
    return `<td${ink}>${escape(text)}</td>`;
  };
  const head = columns.map((name) => `<th>${escape(configOf(panel, name).displayName ?? name)}</th>`).join('');
  const body = rows.slice(0, 40).map((row) => `<tr>${columns.map((name) => cell(name, row[name])).join('')}</tr>`).join('');
  return `<table><tr>${head}</tr>${body}</table>`;
};

const bars = (panel, file, w, h) => {
  const { rows } = tableOf(panel, file);
  const by = panel.options.xField;
  const column = Object.keys(rows[0]).find((name) => name !== 'time' && name !== by);
  const config = configOf(panel, column);
  const most = Math.max(...rows.map((row) => row[column]));
  const each = Math.min(30, (h - 8) / rows.length);
  return rows
    .map((row, at) => {
      const y = 4 + at * each;
      const width = Math.max(0, (row[column] / most) * (w - 250));
      return `<text x="130" y="${y + each / 2 + 4}" text-anchor="end">${escape(row[by])}</text><rect x="136" y="${y}" width="${width}" height="${each * 0.8}" fill="${PALETTE[0]}" fill-opacity="0.7"/><text x="${142 + width}" y="${y + each / 2 + 4}">${escape(shown(row[column], config))}</text>`;
    })
    .join('');
};

const scatter = (panel, file, w, h) => {
  const { rows } = tableOf(panel, file);
  const [xName, yName] = ['x', 'y'].map((axis) => panel.options.series[0][axis].matcher.options);
  const dots = rows.filter((row) => typeof row[xName] === 'number' && typeof row[yName] === 'number');
  const edge = (name, pick) => pick(...dots.map((row) => row[name]));
  const y = scale(edge(yName, Math.min), edge(yName, Math.max), h - 34, 8);
  const x = { ...scale(edge(xName, Math.min), edge(xName, Math.max), 70, w - 20), left: 62 };
  x.ticks = ticks(x.low, x.high, 5);
  const out = frame(w, h - 14, x, y, (at) => shown(at, configOf(panel, xName)), (at) => shown(at, configOf(panel, yName)));
  const circles = dots.map((row) => `<circle cx="${x.to(row[xName])}" cy="${y.to(row[yName])}" r="2.5" fill="${PALETTE[5]}" fill-opacity="0.6"/>`);
  return `${out}${circles.join('')}<text x="${w / 2}" y="${h - 2}" text-anchor="middle">${escape(`${xName} → ${yName}`)}</text>`;
};

const cells = (panel, series, w, h) => {
  const times = series.flatMap(({ points }) => points.map(([time]) => time));
  const x = scale(Math.min(...times), Math.max(...times), 150, w - 30);
  const distinct = [...new Set(times)].sort((a, b) => a - b);
  const width = Math.max(1.5, (w - 180) / Math.max(1, distinct.length) - 0.5);
  const each = Math.min(28, (h - 6) / series.length);
  return series
    .map(({ name, points, config }, row) => {
      const y = 3 + row * each;
      const marks = points.map(([time, value]) => `<rect x="${x.to(time)}" y="${y}" width="${width}" height="${each * 0.85}" fill="${colorOf(value, config)}" fill-opacity="0.8"/>`);
      const last = shown(points.at(-1)?.[1], config);
      return `<text x="144" y="${y + each / 2 + 3}" text-anchor="end">${escape(name)}</text>${marks.join('')}<text x="${w - 4}" y="${y + each / 2 + 3}" text-anchor="end" style="font-size:9px">${escape(last)}</text>`;
    })
    .join('');
};

const body = (panel, file, w, h) => {
  const svg = (inside) => `<svg width="${w}" height="${h}">${inside}</svg>`;
  if (panel.type === 'table') return grid(panel, file);
  if (panel.type === 'barchart') return svg(bars(panel, file, w, h));
  if (panel.type === 'xychart') return svg(scatter(panel, file, w, h));
  let series = seriesOf(panel, file);
  if (series.length === 0) {
    const { rows, columns } = tableOf(panel, file);
    const [name] = columns.filter((column) => column !== 'time');
    series = [{ name, points: rows.filter((row) => Number.isFinite(row[name])).map((row) => [row.time, row[name]]), config: configOf(panel, name), color: PALETTE[0] }];
  }
  if (panel.type === 'stat') return svg(figures(panel, series, w, h));
  if (panel.type === 'timeseries') return svg(lines(panel, series, w, h));
  return svg(cells(panel, series, w, h));
};

const style = `
body { margin: 8px; width: ${24 * COLUMN}px; font: 12px sans-serif; background: ${theme === 'dark' ? '#111217' : '#f4f5f5'}; color: ${NAMED.text} }
section { position: absolute; overflow: hidden; box-sizing: border-box; padding: 4px 8px; background: ${theme === 'dark' ? '#181b1f' : '#fff'}; border: 1px solid ${theme === 'dark' ? '#2c3235' : '#e4e7e7'} }
h3 { font-size: 13px; margin: 2px 0 4px } text { font-size: 11px; fill: ${NAMED.text} } .grid { stroke: ${theme === 'dark' ? '#2c3235' : '#e4e7e7'} }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 2px 6px; border-bottom: 1px solid #8884; font-size: 11px }`;

mkdirSync(folder, { recursive: true });
for (const file of readdirSync(grafana).filter((name) => name.endsWith('.json'))) {
  const dashboard = JSON.parse(readFileSync(join(grafana, file), 'utf8'));
  const parts = dashboard.panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const box = `left:${8 + x * COLUMN}px;top:${8 + y * ROW}px;width:${w * COLUMN - 6}px;height:${h * ROW - 6}px`;
    if (panel.type === 'row') return `<section style="${box};background:none;border:none"><h3>▾ ${escape(panel.title)}</h3></section>`;
    return `<section style="${box}"><h3>${escape(panel.title)}</h3>${body(panel, file, w * COLUMN - 24, h * ROW - 40)}</section>`;
  });
  const page = `<!doctype html><meta charset="utf-8"><title>${escape(dashboard.title)}</title><style>${style}</style>${parts.join('\n')}`;
  writeFileSync(join(folder, file.replace(/json$/, 'html')), page);
}
console.log(`${folder}: the ${range.map((at) => new Date(at).toISOString()).join(' to ')}`);
