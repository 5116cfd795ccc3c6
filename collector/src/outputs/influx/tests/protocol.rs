//! A strict reader of line protocol: what it does not take, no database need take. It knows nothing of how the
//! lines are made.

use std::collections::BTreeMap;

/// One point. Tags and fields as they were before they were escaped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) measurement: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) fields: BTreeMap<String, Value>,
    pub(super) at_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Float(f64),
    Integer(i64),
    Text(String),
    Boolean(bool),
}

/// Reads a whole body: one point a line, each line ended.
pub(super) fn read(body: &str) -> Result<Vec<Point>, String> {
    let lines = body.strip_suffix('\n').ok_or("the last line is not ended")?;
    lines.split('\n').map(|line| point(line).map_err(|why| format!("{why}: `{line}`"))).collect()
}

struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn eat(&mut self, wanted: char) -> bool {
        let found = self.0.strip_prefix(wanted);
        self.0 = found.unwrap_or(self.0);
        found.is_some()
    }

    /// A name up to one of these, which stands escaped where it belongs to the name.
    fn name(&mut self, ends: &str) -> Result<String, String> {
        let mut name = String::new();
        let mut characters = self.0.char_indices();
        let mut end = self.0.len();
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => match characters.next() {
                    Some((_, escaped)) if ",= ".contains(escaped) => name.push(escaped),
                    _ => return Err("a backslash that escapes nothing".to_owned()),
                },
                c if ends.contains(c) => {
                    end = at;
                    break;
                }
                c if ",= \"".contains(c) => return Err(format!("`{c}` stands unescaped")),
                c if c.is_control() => return Err("a control character".to_owned()),
                c => name.push(c),
            }
        }
        if name.is_empty() {
            return Err("a name is empty".to_owned());
        }
        self.0 = &self.0[end..];
        Ok(name)
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.eat('"') {
            return self.text();
        }
        let end = self.0.find([',', ' ']).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        match word {
            "t" | "true" => return Ok(Value::Boolean(true)),
            "f" | "false" => return Ok(Value::Boolean(false)),
            _ => {}
        }
        if let Some(digits) = word.strip_suffix('i') {
            let is_whole = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|b| b.is_ascii_digit());
            let number = digits.parse().ok().filter(|_| is_whole);
            return number.map(Value::Integer).ok_or_else(|| format!("`{word}` is no integer"));
        }
        let is_plain = is_float(word);
        let number = word.parse::<f64>().ok().filter(|number| is_plain && number.is_finite());
        number.map(Value::Float).ok_or_else(|| format!("`{word}` is no number"))
    }

    fn text(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Ok(Value::Text(text));
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => return Err("a backslash that escapes nothing".to_owned()),
                },
                c => text.push(c),
            }
        }
        Err("a text does not end".to_owned())
    }
}

/// An optional sign, digits, an optional fraction, an optional exponent; nothing else.
fn is_float(word: &str) -> bool {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.trim_start_matches(['+', '-'])))
}

fn point(line: &str) -> Result<Point, String> {
    let mut rest = Rest(line);
    let measurement = rest.name(", ")?;
    let mut tags = BTreeMap::new();
    while rest.eat(',') {
        let tag = rest.name("=")?;
        if !rest.eat('=') {
            return Err(format!("tag `{tag}` has no value"));
        }
        if tags.last_key_value().is_some_and(|(last, _)| *last >= tag) {
            return Err(format!("tag `{tag}` stands twice or out of order"));
        }
        tags.insert(tag, rest.name(", ")?);
    }
    if !rest.eat(' ') {
        return Err("no fields".to_owned());
    }
    let mut fields = BTreeMap::new();
    loop {
        let field = rest.name("=")?;
        if !rest.eat('=') {
            return Err(format!("field `{field}` has no value"));
        }
        let value = rest.value()?;
        if fields.insert(field.clone(), value).is_some() {
            return Err(format!("field `{field}` stands twice"));
        }
        if !rest.eat(',') {
            break;
        }
    }
    let time = rest.0.strip_prefix(' ').ok_or("no time")?;
    let is_whole = time.strip_prefix('-').unwrap_or(time).bytes().all(|byte| byte.is_ascii_digit());
    let at_ms = time.parse().ok().filter(|_| is_whole).ok_or_else(|| format!("`{time}` is no time"))?;
    Ok(Point { measurement, tags, fields, at_ms })
}

#[test]
fn what_is_no_line_protocol_is_not_taken() {
    let good = "m,a=1,b=x\\ y v=1.5,w=-2i,x=1e-7,s=\"a \\\"b\\\"\" 1700000000000\n";
    let [point] = read(good).expect("good").try_into().expect("one");
    assert_eq!(point.tags["b"], "x y");
    assert_eq!(point.fields["s"], Value::Text("a \"b\"".to_owned()));
    assert_eq!((&point.fields["w"], point.at_ms), (&Value::Integer(-2), 1_700_000_000_000));
    for bad in [
        "m v=1 1",
        "m v=1 1\n\n",
        "\n",
        "m v=1\n",
        "m v=1 x\n",
        "m v=1  1\n",
        "m  v=1 1\n",
        " m v=1 1\n",
        "m v= 1\n",
        "m v=NaN 1\n",
        "m v=inf 1\n",
        "m v=+1 1\n",
        "m v=.5 1\n",
        "m v=1. 1\n",
        "m v=1i5 1\n",
        "m v=1.5i 1\n",
        "m v=a 1\n",
        "m,b=1,a=2 v=1 1\n",
        "m,a=1,a=2 v=1 1\n",
        "m,a= v=1 1\n",
        "m,a v=1 1\n",
        "m v=1,v=2 1\n",
        "m v=\"a 1\n",
        "m,a=x\\ v=1 1\n",
        "m v=1 1 \n",
        "m v=1 1\r\n",
        "m,a=x=y v=1 1\n",
        ",a=1 v=1 1\n",
    ] {
        assert!(read(bad).is_err(), "{bad:?} was taken");
    }
}
