//! How a meter stands in the collector's configuration.

use super::chosen::MILLILITRES;
use super::{Kind, Meter, Sampling, decimal};

impl Meter {
    /// How the collector's configuration declares it, with a scale so many times the true one.
    pub fn declaration(&self, mistaken: i64) -> String {
        let mut text = format!(
            "[[meter]]\nname = \"{}\"\nsite = \"hall\"\nnominal_interval = \"{}ms\"\n",
            self.name, self.interval
        );
        if let Some(limit) = self.gap_limit {
            text.push_str(&format!("gap_limit = \"{limit}ms\"\n"));
        }
        match &self.kind {
            Kind::Register(register) => {
                text.push_str(&format!("kind = \"register\"\nunit = \"{}\"\n", register.measure.unit));
                text.push_str(&format!("scale = \"{}\"\n", register.scale * mistaken));
                if let Some(modulus) = register.modulus {
                    text.push_str(&format!("modulus = \"{}\"\n", decimal(modulus, register.exponent)));
                }
                if register.resolution {
                    text.push_str(&format!("resolution = \"{}\"\n", decimal(1, register.exponent)));
                }
                if let Some(rated) = register.rated {
                    let (key, unit) = match register.measure.ninths {
                        MILLILITRES => ("rated_flow", "L/h"),
                        _ => ("rated_power", "W"),
                    };
                    text.push_str(&format!("{key} = \"{rated} {unit}\"\n"));
                }
            }
            Kind::Power(sampling) => {
                let form = match sampling {
                    Sampling::Instant => "instant",
                    Sampling::OnChange => "on-change",
                    Sampling::Mean => "interval-mean",
                };
                text.push_str(&format!("kind = \"power\"\nunit = \"kW\"\nform = \"{form}\"\n"));
            }
            Kind::Gauge => text.push_str("kind = \"gauge\"\nunit = \"Cel\"\n"),
        }
        text
    }
}
