//! The files that are attached to a PDF, so far as the printer attaches them: streams of type `EmbeddedFile`, as they are
//! or deflated. Their content is all that is asked of the file.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// Bytes that an attachment may unpack to.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes between the name of the type and either end of its dictionary.
const DICTIONARY: usize = 4_096;
/// Names of the type that are looked at: the printer writes two.
const MOST_NAMES: usize = 256;

/// Whether a file says that it is a PDF.
pub(super) fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"%PDF-")
}

/// The content of each attachment that can be read.
pub(super) fn attached(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut from = 0;
    for _ in 0..MOST_NAMES {
        let Some(found) = find(&bytes[from..], b"EmbeddedFile") else { break };
        let named = from + found;
        from = named + 1;
        // `EmbeddedFiles`, and a name that is in no stream's dictionary, are passed over by what follows.
        if bytes.get(named + b"EmbeddedFile".len()).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        all.extend(stream(bytes, named));
    }
    all
}

/// The stream in whose dictionary a position lies.
fn stream(bytes: &[u8], within: usize) -> Option<Vec<u8>> {
    let earliest = within.saturating_sub(DICTIONARY);
    let begin = earliest + rfind(&bytes[earliest..within], b" obj")?;
    let latest = bytes.len().min(within + DICTIONARY);
    let head_end = within + find(&bytes[within..latest], b"stream")?;
    if find(&bytes[within..head_end], b"endobj").is_some() {
        return None;
    }
    let dictionary = &bytes[begin..head_end];
    let mut start = head_end + b"stream".len();
    if bytes.get(start) == Some(&b'\r') {
        start += 1;
    }
    if bytes.get(start) == Some(&b'\n') {
        start += 1;
    }
    let content = match length(dictionary) {
        Some(length) => bytes.get(start..start.checked_add(length)?)?,
        None => &bytes[start..start + find(&bytes[start..], b"endstream")?],
    };
    if find(dictionary, b"FlateDecode").is_none() {
        return Some(content.to_vec());
    }
    let mut out = Vec::new();
    ZlibDecoder::new(content).take(MOST_BYTES).read_to_end(&mut out).ok()?;
    Some(out)
}

/// `/Length N`, where N stands there itself.
fn length(dictionary: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + find(&dictionary[from..], b"/Length")? + b"/Length".len();
        from = at;
        let rest = std::str::from_utf8(dictionary.get(at..(at + 24).min(dictionary.len()))?).ok();
        // `/Length1` and references such as `7 0 R` are other things.
        let Some(rest) = rest.filter(|rest| rest.starts_with([' ', '\n', '\r'])) else { continue };
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        let after = rest.trim_start()[digits.len()..].trim_start();
        if after.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        return digits.parse().ok();
    }
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|part| part == word)
}

fn rfind(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).rposition(|part| part == word)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    /// A file such as the printer makes, with these attachments, deflated or not.
    pub(in super::super::super) fn pdf(attachments: &[&[u8]], is_deflated: bool) -> Vec<u8> {
        let mut bytes =
            b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Names << /EmbeddedFiles 9 0 R >> >>\nendobj\n".to_vec();
        for (at, attachment) in attachments.iter().enumerate() {
            let (content, filter) = if is_deflated {
                let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
                packer.write_all(attachment).expect("packed");
                (packer.finish().expect("packed"), "/Filter /FlateDecode ")
            } else {
                (attachment.to_vec(), "")
            };
            let head = format!(
                "{} 0 obj\n<< /Type /EmbeddedFile /Length {} {filter}/Params << /Size {} >> >>\nstream\n",
                at + 2,
                content.len(),
                attachment.len()
            );
            bytes.extend(head.into_bytes());
            bytes.extend(content);
            bytes.extend(b"\nendstream\nendobj\n");
        }
        bytes.extend(b"trailer\n%%EOF\n");
        bytes
    }

    #[test]
    fn attachments_are_found_packed_or_not() {
        let (one, other) = (&b"{\"report\": 1}"[..], &b"endstream is a word, too"[..]);
        for is_deflated in [false, true] {
            let file = pdf(&[one, other], is_deflated);
            assert!(is_pdf(&file));
            assert_eq!(attached(&file), [one, other]);
        }
        assert_eq!(attached(&pdf(&[], true)), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn damaged_files_have_no_attachments_and_harm_nothing() {
        let whole = pdf(&[b"some content that is long enough to be packed"], true);
        for end in 0..whole.len() {
            attached(&whole[..end]);
        }
        let mut broken = whole.clone();
        let at = find(&broken, b"stream\n").expect("there") + 8;
        broken[at] ^= 0xff;
        assert_ne!(attached(&broken), attached(&whole));
    }
}
