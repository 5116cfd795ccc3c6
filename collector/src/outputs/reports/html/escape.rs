//! Texts where HTML and CSS would take some of their letters for something else.

use std::fmt::{self, Display, Formatter, Write};

/// Text of an element, or the value of an attribute in double quotes.
pub(super) struct Text<'t>(pub(super) &'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(letter)?,
                // HTML has no way to write the other control characters.
                control if control.is_control() => f.write_char(char::REPLACEMENT_CHARACTER)?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// Text of a CSS string in double quotes, inside a style element.
pub(super) struct InStyle<'t>(pub(super) &'t str);

impl Display for InStyle<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            // `<` could end the element; the others end the string or begin an escape.
            if letter.is_control() || matches!(letter, '"' | '\\' | '<' | '>' | '&') {
                write!(f, "\\{:x} ", u32::from(letter))?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let hostile = "</td><script>alert('1' & \"2\")</script>\u{0}";
        assert_eq!(
            Text(hostile).to_string(),
            "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39; &amp; &quot;2&quot;)&lt;/script&gt;\u{fffd}"
        );
        assert_eq!(Text("电能使用效率 1.036").to_string(), "电能使用效率 1.036");
    }

    #[test]
    fn nothing_of_a_text_ends_a_css_string_or_its_element() {
        assert_eq!(InStyle("a\"; } </style>\\\n").to_string(), "a\\22 ; } \\3c /style\\3e \\5c \\a ");
    }
}
