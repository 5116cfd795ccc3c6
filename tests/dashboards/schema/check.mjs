// Writes every dashboard, panel and override as a typed constant, and has them checked by the compiler.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, '../../../dashboards/grafana');
const made = join(here, 'made');

/** One file as constants, so that the compiler says of which panel it speaks. */
const constants = (file) => {
  const { panels, ...frame } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const lines = [];
  let number = 0;
  const constant = (about, type, value) => {
    number += 1;
    lines.push(`// ${about.replaceAll('\n', ' ')}`);
    lines.push(`export const value${number}: ${type} = ${JSON.stringify(value, null, 2)};`);
  };
  constant(`${file}`, 'Frame', frame);
  for (const panel of panels) {
    if (panel.type === 'row') {
      constant(`${file}: row "${panel.title}"`, 'RowPanel', panel);
      continue;
    }
    const about = `${file}: panel "${panel.title}"`;
    constant(about, `PanelOf<'${panel.type}'>`, panel);
    for (const { properties } of panel.fieldConfig.overrides) {
      for (const { id, value } of properties) {
        const own = id.startsWith('custom.');
        const type = own ? `CustomOf<'${panel.type}', '${id.slice(7)}'>` : `FieldOf<'${id}'>`;
        constant(`${about}, override ${id}`, type, value);
      }
    }
  }
  return lines.join('\n');
};

rmSync(made, { recursive: true, force: true });
mkdirSync(made);
const files = readdirSync(folder).filter((name) => name.endsWith('.json')).sort();
if (files.length === 0) throw new Error(`no dashboard in ${folder}`);
const imports = "import type { CustomOf, FieldOf, Frame, PanelOf, RowPanel } from '../dashboard';\n";
for (const file of files) writeFileSync(join(made, file.replace(/json$/, 'ts')), `${imports}${constants(file)}\n`);
try {
  execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '-p', here], { stdio: 'inherit' });
} catch {
  console.error('a dashboard is not what Grafana publishes as its schema; the lines above say where');
  process.exit(1);
}
const { version } = JSON.parse(readFileSync(join(here, 'node_modules/@grafana/schema/package.json'), 'utf8'));
console.log(`${files.length} dashboards agree with @grafana/schema ${version}`);
