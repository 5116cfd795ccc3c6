//! How well racks and servers are used. Source: domain.md 2.4, 2.5.

/// Why there is no utilisation.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum UtilisationError {
    /// There are no racks.
    #[error("the facility has no racks; give their number")]
    NoRacks,
    /// More than there are.
    #[error("{in_use} racks are in use of {total}; mend the numbers")]
    MoreThanAll {
        /// Racks in use.
        in_use: u32,
        /// All racks.
        total: u32,
    },
    /// No IT power.
    #[error("IT power is {0} W, so there is no computational efficiency")]
    NoPower(f64),
    /// A share that is none.
    #[error("a server is said to be {0} % busy; a share lies between 0 and 100 %")]
    NoShare(f64),
    /// Nothing was measured.
    #[error("no server's utilisation was measured")]
    Nothing,
}

/// Racks in use of all racks, percent (上架率). Source: MIIT 76 (2021); domain.md 2.5.
///
/// # Errors
/// [`UtilisationError`] where the numbers do not fit.
pub fn rack_utilisation(in_use: u32, total: u32) -> Result<f64, UtilisationError> {
    if total == 0 {
        return Err(UtilisationError::NoRacks);
    }
    if in_use > total {
        return Err(UtilisationError::MoreThanAll { in_use, total });
    }
    Ok(100.0 * f64::from(in_use) / f64::from(total))
}

/// Computational efficiency CE (算效): single-precision floating-point operations a second for each watt of
/// IT power. Source: MIIT 76 (2021); domain.md 2.5.
///
/// # Errors
/// [`UtilisationError::NoPower`] where the power is zero or no number.
pub fn computational_efficiency(fp32_flops: f64, it_watts: f64) -> Result<f64, UtilisationError> {
    if it_watts.is_finite() && it_watts > 0.0 {
        Ok(fp32_flops / it_watts)
    } else {
        Err(UtilisationError::NoPower(it_watts))
    }
}

/// How busy one server was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busy {
    /// Time-weighted mean of its CPU utilisation, percent.
    pub percent: f64,
    /// Over how long, ms.
    pub ms: i64,
}

/// `ITEU_sv`: mean CPU utilisation over servers and time, percent. A server counts for the time in which it
/// was measured; one that was not, for none. Source: ISO/IEC 30134-5; domain.md 2.4.
///
/// # Errors
/// [`UtilisationError`] where nothing was measured or a share is none.
pub fn server_utilisation(servers: &[Busy]) -> Result<f64, UtilisationError> {
    let (mut busy, mut ms) = (0.0, 0.0);
    for server in servers.iter().filter(|server| server.ms > 0) {
        if !(0.0..=100.0).contains(&server.percent) {
            return Err(UtilisationError::NoShare(server.percent));
        }
        busy += server.percent * server.ms as f64;
        ms += server.ms as f64;
    }
    if ms == 0.0 { Err(UtilisationError::Nothing) } else { Ok(busy / ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_count_by_their_time() {
        let server = |percent, ms| Busy { percent, ms };
        assert_eq!(server_utilisation(&[server(20.0, 3_000), server(60.0, 1_000)]), Ok(30.0));
        assert_eq!(server_utilisation(&[server(20.0, 1_000), server(f64::NAN, 0)]), Ok(20.0));
        assert_eq!(server_utilisation(&[]), Err(UtilisationError::Nothing));
        assert_eq!(server_utilisation(&[server(101.0, 1)]), Err(UtilisationError::NoShare(101.0)));
    }

    #[test]
    fn impossible_numbers_are_refused() {
        assert_eq!(rack_utilisation(0, 0), Err(UtilisationError::NoRacks));
        assert_eq!(rack_utilisation(3, 2), Err(UtilisationError::MoreThanAll { in_use: 3, total: 2 }));
        assert_eq!(computational_efficiency(1.0, 0.0), Err(UtilisationError::NoPower(0.0)));
    }
}
