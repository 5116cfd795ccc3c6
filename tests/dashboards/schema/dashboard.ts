// What a dashboard may say, from the types that Grafana publishes.
//
// Grafana's types name the members of its enumerations; files hold their values. `Written` turns one into the
// other. What Grafana leaves open (options of a panel by its type, a data source's query) is closed here.

import type * as grafana from '@grafana/schema';
import type * as BarChart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as StateTimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as StatusHistory from '@grafana/schema/dist/esm/raw/composable/statushistory/panelcfg/x/StatusHistoryPanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as XYChart from '@grafana/schema/dist/esm/raw/composable/xychart/panelcfg/x/XYChartPanelCfg_types.gen';

/** A type as JSON: members of enumerations are their values. */
export type Written<T> = T extends string
  ? string extends T
    ? string
    : `${T}`
  : T extends number
    ? number extends T
      ? number
      : `${T}` extends `${infer N extends number}`
        ? N
        : T
    : T extends boolean | null | undefined
      ? T
      : T extends Array<infer Item>
        ? Written<Item>[]
        : T extends object
          ? { [Key in keyof T]: Written<T[Key]> }
          : T;

/** A query of Grafana's InfluxDB data source, in InfluxQL; its own plugin declares it, outside the published types. */
export interface InfluxQuery extends grafana.DataQuery {
  datasource: { type: 'influxdb'; uid: string };
  query: string;
  rawQuery: true;
  resultFormat: 'time_series' | 'table' | 'logs';
  alias?: string;
}

/** The same as an annotation. */
export interface InfluxAnnotation extends InfluxQuery {
  fromAnnotations: true;
  textEditor: true;
  titleColumn?: string;
  textColumn?: string;
  tagsColumn?: string;
  timeEndColumn?: string;
}

/** Options and field settings by panel type. */
interface Kinds {
  timeseries: { options: TimeSeries.Options; custom: TimeSeries.FieldConfig };
  stat: { options: Stat.Options; custom: Record<string, never> };
  table: { options: Table.Options; custom: Table.FieldConfig };
  barchart: { options: BarChart.Options; custom: BarChart.FieldConfig };
  xychart: { options: XYChart.Options; custom: XYChart.FieldConfig };
  'state-timeline': { options: StateTimeline.Options; custom: StateTimeline.FieldConfig };
  'status-history': { options: StatusHistory.Options; custom: StatusHistory.FieldConfig };
}

export type Kind = keyof Kinds;

type Defaults<K extends Kind> = Omit<Written<grafana.FieldConfig>, 'custom' | 'links'> & {
  custom?: Written<Kinds[K]['custom']>;
  links?: { title: string; url: string; targetBlank?: boolean }[];
};

/** A panel of one type. */
export type PanelOf<K extends Kind> = Omit<Written<grafana.Panel>, 'options' | 'fieldConfig' | 'targets' | 'type'> & {
  type: K;
  options: Written<Kinds[K]['options']>;
  fieldConfig: { defaults: Defaults<K>; overrides: Written<grafana.FieldConfigSource['overrides']> };
  targets: Written<InfluxQuery>[];
};

/** What an override may set of a panel type: its own settings under `custom.`, and those of every field. */
export type CustomOf<K extends Kind, Key extends keyof Kinds[K]['custom']> = Written<Kinds[K]['custom'][Key]>;
export type FieldOf<Key extends keyof Defaults<'stat'>> = Defaults<'stat'>[Key];

export type RowPanel = Written<grafana.RowPanel>;

/** A dashboard without its panels, which are looked at one by one. */
export type Frame = Omit<Written<grafana.Dashboard>, 'panels' | 'annotations'> & {
  annotations: { list: (Omit<Written<grafana.AnnotationQuery>, 'target'> & { target: Written<InfluxAnnotation> })[] };
};
