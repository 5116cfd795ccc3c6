//! Where IT energy is measured, and what that makes of a PUE. Source: ISO/IEC 30134-2; domain.md 2.1.

use wattledger_model::role::Role;

/// A category of PUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// Category 1: IT energy at the UPS output.
    Basic,
    /// Category 2: IT energy at the PDU output.
    Intermediate,
    /// Category 3: IT energy at the input of the IT equipment.
    Advanced,
}

/// Category 0 was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "PUE0 is a ratio of peak demand in kW, known to The Green Grid only and to no edition of ISO/IEC 30134-2, \
     so it is computed for no verdict and no report; ask for `pue1`, `pue2` or `pue3`"
)]
pub struct Pue0Refused;

impl Category {
    /// Every category.
    pub const ALL: [Category; 3] = [Category::Basic, Category::Intermediate, Category::Advanced];

    /// Its number, 1 to 3.
    pub const fn number(self) -> u8 {
        match self {
            Category::Basic => 1,
            Category::Intermediate => 2,
            Category::Advanced => 3,
        }
    }

    /// The role of the meters that its IT energy comes from.
    pub const fn role(self) -> Role {
        match self {
            Category::Basic => Role::UpsOutput,
            Category::Intermediate => Role::PduOutput,
            Category::Advanced => Role::ItInput,
        }
    }

    /// The category of a number.
    ///
    /// # Errors
    /// [`Pue0Refused`] for 0; `Ok(None)` for what is no category at all.
    pub fn from_number(number: u8) -> Result<Option<Category>, Pue0Refused> {
        if number == 0 {
            return Err(Pue0Refused);
        }
        Ok(Category::ALL.into_iter().find(|category| category.number() == number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_roles_agree_with_the_vocabulary() {
        for category in Category::ALL {
            assert_eq!(category.role().it_category(), Some(category.number()));
            assert_eq!(Category::from_number(category.number()), Ok(Some(category)));
        }
        assert_eq!(Category::from_number(0), Err(Pue0Refused));
        assert_eq!(Category::from_number(4), Ok(None));
    }
}
