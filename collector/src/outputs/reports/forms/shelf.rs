//! The forms that there are: those that come with the program, and those of a folder of the operator's own.

use super::super::error::FormError;
use super::form::Form;
use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use wattledger_model::document;

/// The forms that come with the program, by their files.
const EMBEDDED: [(&str, &str); 4] = [
    ("config/forms/monthly-pue.toml", include_str!("../../../../../config/forms/monthly-pue.toml")),
    ("config/forms/iso-30134-2.toml", include_str!("../../../../../config/forms/iso-30134-2.toml")),
    ("config/forms/eu-2024-1364.toml", include_str!("../../../../../config/forms/eu-2024-1364.toml")),
    ("config/forms/cn-register.toml", include_str!("../../../../../config/forms/cn-register.toml")),
];

/// No template is longer: what is, is another file.
const LONGEST_BYTES: u64 = 1 << 20;

/// The forms that come with the program.
pub fn all() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    let read =
        |(file, text): &(&str, &str)| Form::parse(file, text).expect("a test reads the embedded forms");
    FORMS.get_or_init(|| EMBEDDED.iter().map(read).collect())
}

/// The embedded form of a name.
///
/// # Errors
/// [`FormError::Unknown`], with the nearest name.
pub fn find(id: &str) -> Result<&'static Form, FormError> {
    all().iter().find(|form| form.id == id).ok_or_else(|| unknown(id, all()))
}

/// The form of a name: that of the folder, where it has one, or else the one that comes with the program.
///
/// # Errors
/// [`FormError`] where there is none, or the folder or one of its forms cannot be read.
pub fn find_in(folder: Option<&Path>, id: &str) -> Result<Cow<'static, Form>, FormError> {
    let mut own = folder.map(read_folder).transpose()?.unwrap_or_default();
    match own.iter().position(|form| form.id == id) {
        Some(at) => Ok(Cow::Owned(own.swap_remove(at))),
        None => match find(id) {
            Ok(form) => Ok(Cow::Borrowed(form)),
            Err(_) => Err(unknown(id, own.iter().chain(all()))),
        },
    }
}

/// The forms of a folder: every `.toml` file in it, in the order of their names.
///
/// # Errors
/// [`FormError`] where the folder or one of its forms cannot be read, or two have the same id.
pub fn read_folder(folder: &Path) -> Result<Vec<Form>, FormError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FormError::Unreadable { path, source }
    };
    let entries = fs::read_dir(folder).map_err(failed(folder))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut forms: Vec<Form> = Vec::with_capacity(files.len());
    for path in files {
        if fs::metadata(&path).map_err(failed(&path))?.len() > LONGEST_BYTES {
            return Err(FormError::TooLong { path });
        }
        let text = fs::read_to_string(&path).map_err(failed(&path))?;
        let form = Form::parse(&path.display().to_string(), &text).map_err(FormError::Broken)?;
        if let Some(other) = forms.iter().find(|other| other.id == form.id) {
            return Err(FormError::Twice { id: form.id, first: other.file.clone(), second: form.file });
        }
        forms.push(form);
    }
    Ok(forms)
}

fn unknown<'f>(id: &str, forms: impl IntoIterator<Item = &'f Form>) -> FormError {
    let mut ids: Vec<&str> = forms.into_iter().map(|form| form.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let hint = match document::nearest(id, ids.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", ids.join(", ")),
    };
    FormError::Unknown { id: id.chars().take(80).collect(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_not_there_is_told_with_the_nearest() {
        let told = |id: &str| find(id).expect_err("none").to_string();
        assert_eq!(told("eu-2024-1346"), "there is no form `eu-2024-1346`; did you mean `eu-2024-1364`?");
        assert_eq!(
            told("x"),
            "there is no form `x`; there are: cn-register, eu-2024-1364, iso-30134-2, monthly-pue"
        );
    }

    #[test]
    fn a_folder_adds_forms_and_its_edition_goes_before_the_programs_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = include_str!("../../../../../config/forms/monthly-pue.toml");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
        write("next.toml", &own.replace(&find("monthly-pue").expect("embedded").edition, "2027-02-01"));
        write("other.toml", &own.replace("id = \"monthly-pue\"", "id = \"our-sheet\""));
        write("notes.txt", "no form");
        let find_in = |id: &str| find_in(Some(folder.path()), id);
        assert_eq!(find_in("monthly-pue").expect("a form").edition, "2027-02-01");
        assert_eq!(find_in("our-sheet").expect("a form").id, "our-sheet");
        assert_eq!(find_in("cn-register").expect("a form").file, "config/forms/cn-register.toml");
        assert!(find_in("our-shet").expect_err("none").to_string().ends_with("did you mean `our-sheet`?"));
        write("twin.toml", own);
        let told = find_in("our-sheet").expect_err("two of one name").to_string();
        assert!(told.contains("next.toml") && told.contains("twin.toml"), "{told}");
        write("twin.toml", "[form]\nid = \"bad id\"\n");
        let told = find_in("our-sheet").expect_err("a broken one").to_string();
        assert!(told.contains("twin.toml:2:6: `id`"), "{told}");
        let none = super::find_in(Some(&folder.path().join("none")), "monthly-pue").expect_err("no folder");
        assert!(none.to_string().contains("forms_dir"), "{none}");
    }
}
