//! One panel: what Grafana wants to have said of each kind, and what a dashboard says of its own.

use serde_json::{Map, Value, json};

/// What an empty panel says.
pub(crate) const NOTHING: &str = "No data in this time range";

/// A panel in the making; its place is given by the dashboard.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    json: Map<String, Value>,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// The data source that the dashboard's reader has chosen.
pub(crate) fn source() -> Value {
    json!({ "type": "influxdb", "uid": "${datasource}" })
}

/// A query whose series become lines; `alias` names them.
pub(crate) fn series(query: &str, alias: &str) -> Value {
    json!({ "datasource": source(), "query": query, "rawQuery": true, "resultFormat": "time_series", "alias": alias })
}

/// A query whose rows stay rows, tags and all.
pub(crate) fn rows(query: &str) -> Value {
    json!({ "datasource": source(), "query": query, "rawQuery": true, "resultFormat": "table" })
}

impl Panel {
    fn new(kind: &str, title: &str, description: &str, options: Value, custom: Value) -> Panel {
        let mut defaults = json!({
            "color": { "mode": "palette-classic" },
            "mappings": [],
            "noValue": NOTHING,
            "thresholds": { "mode": "absolute", "steps": [{ "color": "green", "value": null }] },
            "unit": "none",
        });
        if custom.as_object().is_some_and(|custom| !custom.is_empty()) {
            defaults["custom"] = custom;
        }
        let json = json!({
            "type": kind,
            "title": title,
            "description": description,
            "datasource": source(),
            "fieldConfig": { "defaults": defaults, "overrides": [] },
            "options": options,
            "targets": [],
        });
        let Value::Object(json) = json else { unreachable!("an object was written") };
        Panel { json, width: 12, height: 9 }
    }

    /// Lines over time.
    pub(crate) fn lines(title: &str, description: &str) -> Panel {
        Panel::new(
            "timeseries",
            title,
            description,
            json!({ "legend": legend(), "tooltip": { "mode": "multi", "sort": "none" } }),
            json!({
                "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 0,
                "showPoints": "auto", "pointSize": 4, "spanNulls": false, "axisPlacement": "auto",
                "stacking": { "group": "A", "mode": "none" },
            }),
        )
    }

    /// Bars over time, one on the other.
    pub(crate) fn bars(title: &str, description: &str) -> Panel {
        Panel::lines(title, description)
            .custom("drawStyle", json!("bars"))
            .custom("fillOpacity", json!(70))
            .custom("stacking", json!({ "group": "A", "mode": "normal" }))
    }

    /// Single figures, coloured by their thresholds.
    pub(crate) fn figures(title: &str, description: &str) -> Panel {
        let options = json!({
            "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
            "percentChangeColorMode": "standard", "showPercentChange": false, "textMode": "value_and_name",
            "wideLayout": true, "reduceOptions": { "calcs": ["lastNotNull"], "fields": "", "values": false },
        });
        Panel::new("stat", title, description, options, json!({})).color("thresholds").size(6, 5)
    }

    /// A table.
    pub(crate) fn table(title: &str, description: &str) -> Panel {
        Panel::new(
            "table",
            title,
            description,
            json!({ "cellHeight": "sm", "frameIndex": 0, "showHeader": true }),
            json!({ "align": "auto", "cellOptions": { "type": "auto" }, "filterable": true, "inspect": false }),
        )
        .color("thresholds")
    }

    /// Bars beside each other, one for each word in the column `by`.
    pub(crate) fn bar_chart(title: &str, description: &str, by: &str) -> Panel {
        let options = json!({
            "barRadius": 0, "barWidth": 0.8, "fullHighlight": false, "groupWidth": 0.8, "legend": legend(),
            "orientation": "horizontal", "showValue": "auto", "stacking": "none",
            "tooltip": { "mode": "single", "sort": "none" }, "xField": by, "xTickLabelMaxLength": 24,
            "xTickLabelRotation": 0,
        });
        Panel::new("barchart", title, description, options, json!({ "fillOpacity": 70, "lineWidth": 1 }))
    }

    /// Points of one column against another's.
    pub(crate) fn points(title: &str, description: &str, x: &str, y: &str) -> Panel {
        let of = |name: &str| json!({ "matcher": { "id": "byName", "options": name } });
        let options = json!({
            "mapping": "manual", "legend": legend(), "tooltip": { "mode": "single", "sort": "none" },
            "series": [{
                "frame": { "matcher": { "id": "byIndex", "options": 0 } },
                "name": { "fixed": y }, "x": of(x), "y": of(y),
            }],
        });
        let custom = json!({ "show": "points", "pointSize": { "fixed": 4 }, "fillOpacity": 60 });
        Panel::new("xychart", title, description, options, custom)
    }

    /// States over time, one line for each series.
    pub(crate) fn states(title: &str, description: &str) -> Panel {
        let options = json!({
            "alignValue": "center", "legend": legend(), "mergeValues": true, "rowHeight": 0.8,
            "showValue": "auto", "tooltip": { "mode": "single", "sort": "none" },
        });
        Panel::new(
            "state-timeline",
            title,
            description,
            options,
            json!({ "fillOpacity": 70, "lineWidth": 0 }),
        )
        .color("thresholds")
    }

    /// Coloured fields over time, one row for each series.
    pub(crate) fn history(title: &str, description: &str) -> Panel {
        let options = json!({
            "colWidth": 0.9, "legend": hidden_legend(), "rowHeight": 0.9, "showValue": "never",
            "tooltip": { "mode": "single", "sort": "none" },
        });
        Panel::new(
            "status-history",
            title,
            description,
            options,
            json!({ "fillOpacity": 80, "lineWidth": 0 }),
        )
        .color("thresholds")
    }

    /// Adds a query; queries are named A, B, C in their order.
    pub(crate) fn ask(mut self, mut query: Value) -> Panel {
        let targets = self.list("targets");
        let letter = char::from(b'A' + targets.len() as u8);
        query["refId"] = json!(letter.to_string());
        targets.push(query);
        self
    }

    fn list(&mut self, key: &str) -> &mut Vec<Value> {
        let list = self.json.entry(key).or_insert_with(|| json!([]));
        list.as_array_mut().expect("it was made as a list")
    }

    fn default(mut self, key: &str, value: Value) -> Panel {
        self.json["fieldConfig"]["defaults"][key] = value;
        self
    }

    /// The unit of all values, by Grafana's id.
    pub(crate) fn unit(self, unit: &str) -> Panel {
        self.default("unit", json!(unit))
    }

    pub(crate) fn decimals(self, decimals: u32) -> Panel {
        self.default("decimals", json!(decimals))
    }

    pub(crate) fn min(self, min: f64) -> Panel {
        self.default("min", json!(min))
    }

    pub(crate) fn max(self, max: f64) -> Panel {
        self.default("max", json!(max))
    }

    /// What it says where there is nothing.
    pub(crate) fn empty(self, words: &str) -> Panel {
        self.default("noValue", json!(words))
    }

    pub(crate) fn color(self, mode: &str) -> Panel {
        self.default("color", json!({ "mode": mode }))
    }

    /// Colours from a first one on, each from its value.
    pub(crate) fn thresholds(self, first: &str, steps: &[(&str, f64)]) -> Panel {
        self.default("thresholds", thresholds(first, steps))
    }

    /// Lines at the thresholds.
    pub(crate) fn threshold_lines(self) -> Panel {
        self.custom("thresholdsStyle", json!({ "mode": "dashed" }))
    }

    /// Words and colours for values.
    pub(crate) fn words(self, words: &[(&str, &str, &str)]) -> Panel {
        self.default("mappings", mappings(words))
    }

    pub(crate) fn custom(mut self, key: &str, value: Value) -> Panel {
        self.json["fieldConfig"]["defaults"]["custom"][key] = value;
        self
    }

    pub(crate) fn option(mut self, key: &str, value: Value) -> Panel {
        self.json["options"][key] = value;
        self
    }

    fn over(mut self, matcher: &str, options: &Value, properties: &[(&str, Value)]) -> Panel {
        let properties: Vec<Value> =
            properties.iter().map(|(id, value)| json!({ "id": id, "value": value })).collect();
        let one = json!({ "matcher": { "id": matcher, "options": options }, "properties": properties });
        let overrides = self.json["fieldConfig"]["overrides"].as_array_mut().expect("it was made as a list");
        overrides.push(one);
        self
    }

    /// Settings of one field alone.
    pub(crate) fn field(self, name: &str, properties: &[(&str, Value)]) -> Panel {
        self.over("byName", &json!(name), properties)
    }

    /// Settings of the fields that a pattern matches.
    pub(crate) fn fields(self, pattern: &str, properties: &[(&str, Value)]) -> Panel {
        self.over("byRegexp", &json!(pattern), properties)
    }

    /// Lines that are limits: dashed, grey, unfilled, not stacked.
    pub(crate) fn limits(self, pattern: &str) -> Panel {
        self.fields(
            pattern,
            &[
                ("custom.lineStyle", json!({ "fill": "dash", "dash": [8, 6] })),
                ("custom.lineInterpolation", json!("stepAfter")),
                ("custom.fillOpacity", json!(0)),
                ("custom.drawStyle", json!("line")),
                ("custom.showPoints", json!("never")),
                ("custom.spanNulls", json!(true)),
                ("custom.stacking", json!({ "group": "limits", "mode": "none" })),
                ("color", json!({ "mode": "fixed", "fixedColor": "semi-dark-orange" })),
            ],
        )
    }

    /// A change of the data between query and picture.
    pub(crate) fn transform(mut self, id: &str, options: Value) -> Panel {
        self.list("transformations").push(json!({ "id": id, "options": options }));
        self
    }

    /// One table of the tables of all queries: rows with the same tags are one row, and the columns that are
    /// named come in that order.
    pub(crate) fn joined(self, columns: &[&str]) -> Panel {
        let order: Map<String, Value> =
            columns.iter().enumerate().map(|(at, name)| ((*name).to_owned(), json!(at))).collect();
        self.transform("filterFieldsByName", json!({ "exclude": { "names": ["Time"] } }))
            .transform("merge", json!({}))
            .transform("organize", json!({ "excludeByName": {}, "indexByName": order, "renameByName": {} }))
    }

    /// A table without the time of its rows; the columns that are named come in that order.
    pub(crate) fn columns(self, columns: &[&str]) -> Panel {
        let order: Map<String, Value> =
            columns.iter().enumerate().map(|(at, name)| ((*name).to_owned(), json!(at))).collect();
        self.transform(
            "organize",
            json!({ "excludeByName": { "Time": true }, "indexByName": order, "renameByName": {} }),
        )
    }

    /// The strictest limit of the targets as threshold of all figures: the column `limit` of the query `of`.
    pub(crate) fn judged_by(self, of: &str) -> Panel {
        self.transform(
            "configFromData",
            json!({
                "configRefId": of,
                "mappings": [{ "fieldName": "limit", "handlerKey": "threshold1", "reducerId": "lastNotNull" }],
            }),
        )
    }

    /// How many groups there are at most, for what is wider than a line.
    pub(crate) fn at_most(mut self, points: i64) -> Panel {
        self.json.insert("maxDataPoints".to_owned(), json!(points));
        self
    }

    /// The least interval of a query's groups.
    pub(crate) fn interval(mut self, interval: &str) -> Panel {
        self.json.insert("interval".to_owned(), json!(interval));
        self
    }

    pub(crate) fn size(mut self, width: i64, height: i64) -> Panel {
        (self.width, self.height) = (width, height);
        self
    }

    /// The panel as Grafana reads it.
    pub(crate) fn placed(mut self, id: i64, x: i64, y: i64) -> Value {
        self.json.insert("id".to_owned(), json!(id));
        let place = json!({ "x": x, "y": y, "w": self.width, "h": self.height });
        self.json.insert("gridPos".to_owned(), place);
        Value::Object(self.json)
    }
}

fn legend() -> Value {
    json!({ "calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true })
}

fn hidden_legend() -> Value {
    json!({ "calcs": [], "displayMode": "hidden", "placement": "bottom", "showLegend": false })
}

/// Colours from a first one on, each from its value.
pub(crate) fn thresholds(first: &str, steps: &[(&str, f64)]) -> Value {
    let first = json!({ "color": first, "value": null });
    let steps = steps.iter().map(|(color, value)| json!({ "color": color, "value": value }));
    json!({ "mode": "absolute", "steps": std::iter::once(first).chain(steps).collect::<Vec<_>>() })
}

/// Words and colours for values: value, word, colour.
pub(crate) fn mappings(words: &[(&str, &str, &str)]) -> Value {
    let options: Map<String, Value> = words
        .iter()
        .enumerate()
        .map(|(at, (value, text, color))| {
            ((*value).to_owned(), json!({ "text": text, "color": color, "index": at }))
        })
        .collect();
    json!([{ "type": "value", "options": options }])
}
