// What the check must notice. Each line that follows an expected error fails the check if there is none.

import type { CustomOf, FieldOf, Frame, PanelOf } from './dashboard';

const frame: Frame = { schemaVersion: 41, annotations: { list: [] } };
const targets: PanelOf<'stat'>['targets'] = [];
const figure: PanelOf<'stat'> = {
  type: 'stat',
  targets,
  fieldConfig: { defaults: { unit: 'none' }, overrides: [] },
  options: {
    colorMode: 'value',
    graphMode: 'none',
    justifyMode: 'auto',
    orientation: 'auto',
    percentChangeColorMode: 'standard',
    showPercentChange: false,
    textMode: 'value_and_name',
    wideLayout: true,
    reduceOptions: { calcs: ['lastNotNull'] },
  },
};

export const right = [frame, figure];

// @ts-expect-error: no such mode
export const mode: PanelOf<'stat'>['options']['colorMode'] = 'colourful';
// @ts-expect-error: no such option
export const option: PanelOf<'stat'>['options'] = { ...figure.options, colourMode: 'value' };
// @ts-expect-error: an option is missing
export const missing: PanelOf<'xychart'>['options'] = { mapping: 'manual' };
// @ts-expect-error: no such panel type
export const kind: PanelOf<'waterfall'> = figure;
// @ts-expect-error: no such setting of a field
export const setting: PanelOf<'timeseries'>['fieldConfig']['defaults']['custom'] = { lineStile: { fill: 'dash' } };
// @ts-expect-error: no such draw style
export const override: CustomOf<'timeseries', 'drawStyle'> = 'pies';
// @ts-expect-error: decimals are a number
export const decimals: FieldOf<'decimals'> = 'three';
// @ts-expect-error: a dashboard has no such key
export const key: Frame = { ...frame, timePicker: {} };
// @ts-expect-error: a query needs its letter
export const query: PanelOf<'stat'>['targets'] = [{ datasource: { type: 'influxdb', uid: 'x' }, query: '', rawQuery: true, resultFormat: 'table' }];
