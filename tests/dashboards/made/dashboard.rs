//! What all dashboards have in common: variables, links, annotations, and rows of panels.

use super::panel::{Panel, source};
use serde_json::{Value, json};

/// Where a dashboard is found, what it is called, and what it is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) file: &'static str,
    pub(crate) uid: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
}

/// The dashboards, in the order of their links.
pub(crate) const ALL: &[Named] = &[PORTFOLIO, FACILITY, CARBON, TARGETS, QUALITY, ITSELF];

pub(crate) const PORTFOLIO: Named = Named {
    file: "portfolio.json",
    uid: "wattledger-portfolio",
    title: "Portfolio",
    about: "All sites: PUE against its targets, its course, energy, carbon, and how much of it is known.",
};
pub(crate) const FACILITY: Named = Named {
    file: "facility.json",
    uid: "wattledger-facility",
    title: "Facility",
    about: "One facility: its PUE by window with uncertainty and targets, where the energy goes, and what moves it.",
};
pub(crate) const CARBON: Named = Named {
    file: "carbon-and-water.json",
    uid: "wattledger-carbon",
    title: "Carbon and water",
    about: "CO₂ by both methods of Scope 2, water, renewable and reused energy.",
};
pub(crate) const TARGETS: Named = Named {
    file: "targets.json",
    uid: "wattledger-targets",
    title: "Targets",
    about: "The year to date against its targets: verdicts, what is left of the budget, where the year is heading.",
};
pub(crate) const QUALITY: Named = Named {
    file: "meters-and-data-quality.json",
    uid: "wattledger-quality",
    title: "Meters and data quality",
    about: "Which meters are heard, how much of their time is known and how, and whether their sums add up.",
};
pub(crate) const ITSELF: Named = Named {
    file: "wattledger-itself.json",
    uid: "wattledger-itself",
    title: "Wattledger itself",
    about: "The collector and its agents: lag, spools, commits, outputs, memory.",
};

/// A variable that is asked of the database.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) query: &'static str,
    /// Whether several may be chosen, or all.
    pub(crate) many: bool,
}

/// Whether a dashboard is about the chosen facilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// Of the chosen facilities, and of those that concern no facility.
    Chosen,
    /// All there are.
    All,
}

/// A dashboard in the making.
pub(crate) struct Dashboard {
    named: Named,
    from: &'static str,
    refresh: &'static str,
    variables: Vec<Variable>,
    events: Events,
    panels: Vec<Value>,
    /// The next free place.
    x: i64,
    y: i64,
    /// How high the line of panels is that is being filled.
    line: i64,
    next: i64,
}

impl Dashboard {
    pub(crate) fn new(named: Named, from: &'static str, refresh: &'static str) -> Dashboard {
        let events = Events::Chosen;
        Dashboard {
            named,
            from,
            refresh,
            variables: Vec::new(),
            events,
            panels: Vec::new(),
            x: 0,
            y: 0,
            line: 0,
            next: 1,
        }
    }

    pub(crate) fn variables(mut self, variables: Vec<Variable>) -> Dashboard {
        self.variables = variables;
        self
    }

    pub(crate) fn events(mut self, events: Events) -> Dashboard {
        self.events = events;
        self
    }

    /// Begins a row of its own, with a heading.
    pub(crate) fn row(mut self, title: &str) -> Dashboard {
        self.y += self.line;
        let place = json!({ "x": 0, "y": self.y, "w": 24, "h": 1 });
        let row = json!({
            "id": self.next, "type": "row", "title": title, "collapsed": false, "gridPos": place, "panels": [],
        });
        self.panels.push(row);
        self.next += 1;
        (self.x, self.y, self.line) = (0, self.y + 1, 0);
        self
    }

    /// Puts a panel beside the last one, or below where it has no room.
    pub(crate) fn panel(mut self, panel: Panel) -> Dashboard {
        if self.x + panel.width > 24 {
            (self.x, self.y, self.line) = (0, self.y + self.line, 0);
        }
        let (width, height) = (panel.width, panel.height);
        self.panels.push(panel.placed(self.next, self.x, self.y));
        self.next += 1;
        self.x += width;
        self.line = self.line.max(height);
        self
    }

    /// The dashboard as Grafana reads it.
    pub(crate) fn json(self) -> Value {
        let mut variables = vec![json!({
            "name": "datasource", "label": "Database", "type": "datasource", "query": "influxdb", "regex": "",
            "hide": 0, "multi": false, "includeAll": false, "refresh": 1, "options": [],
        })];
        variables.extend(self.variables.iter().map(variable));
        let others = ALL.iter().filter(|other| other.uid != self.named.uid);
        json!({
            "uid": self.named.uid,
            "title": format!("Wattledger: {}", self.named.title),
            "description": self.named.about,
            "tags": ["wattledger"],
            "schemaVersion": 41,
            "version": 1,
            "editable": true,
            "graphTooltip": 1,
            "refresh": self.refresh,
            "time": { "from": self.from, "to": "now" },
            "timezone": "browser",
            "fiscalYearStartMonth": 0,
            "liveNow": false,
            "weekStart": "",
            "links": others.map(link).collect::<Vec<_>>(),
            "annotations": { "list": annotations(self.events) },
            "templating": { "list": variables },
            "panels": self.panels,
        })
    }
}

fn variable(variable: &Variable) -> Value {
    let mut json = json!({
        "name": variable.name, "label": variable.label, "type": "query", "datasource": source(),
        "query": variable.query, "regex": "", "hide": 0, "multi": variable.many,
        "includeAll": variable.many, "refresh": 1, "sort": 1, "options": [],
    });
    if variable.many {
        // Also what a query finds nothing of by name, and no list of a thousand names in it.
        json["allValue"] = json!(".*");
        json["current"] = json!({ "text": ["All"], "value": ["$__all"] });
    }
    json
}

fn link(other: &Named) -> Value {
    json!({
        "type": "link", "title": other.title, "tooltip": other.about, "url": format!("/d/{}", other.uid),
        "icon": "dashboard", "tags": [], "asDropdown": false, "includeVars": true, "keepTime": true,
        "targetBlank": false,
    })
}

fn annotations(events: Events) -> Vec<Value> {
    let about = match events {
        Events::Chosen => {
            " AND \"site\" =~ /^(-|${site:regex})$/ AND \"facility\" =~ /^(-|${facility:regex})$/"
        }
        Events::All => "",
    };
    let of = |name: &str, kinds: &str, color: &str| {
        let query = format!(
            "SELECT \"title\", \"text\", \"kind\", \"facility\" FROM \"wl_event\" \
             WHERE \"kind\" =~ /^({kinds})$/{about} AND $timeFilter"
        );
        json!({
            "name": name, "datasource": source(), "enable": true, "hide": false, "iconColor": color,
            "target": {
                "refId": "Anno", "datasource": source(), "query": query, "rawQuery": true, "fromAnnotations": true,
                "textEditor": true, "resultFormat": "table", "titleColumn": "title", "textColumn": "text",
                "tagsColumn": "kind,facility",
            },
        })
    };
    vec![
        of("Alerts", "alert-raised|alert-cleared", "red"),
        of("Corrections", "correction|admission|exchange", "purple"),
        of("Configuration", "configuration", "blue"),
    ]
}
