//! The Grafana dashboards are what is described here, well formed, honest about ratios, and ask only for what the
//! collector writes; and the reference of what it writes is that of the code.

mod fill;
mod made;
mod mounted;
mod panels;
mod queries;
mod read;
mod reference;
