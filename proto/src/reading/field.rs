//! Fields of an event by their names, borrowed from it: what JSON and other forms are written from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// What a field says.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<'a> {
    /// Nothing: the event does not have it.
    Null,
    /// Whether something is so.
    Flag(bool),
    /// A number from 0.
    Number(u64),
    /// A number that may be below 0.
    Signed(i64),
    /// A text.
    Text(Cow<'a, str>),
    /// Texts by name.
    Texts(&'a BTreeMap<String, String>),
    /// Several.
    List(Vec<Self>),
    /// What has fields in turn.
    Object(Fields<'a>),
}

/// Fields, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields<'a>(Vec<(&'static str, Field<'a>)>);

impl<'a> Fields<'a> {
    /// These.
    pub(super) const fn new(fields: Vec<(&'static str, Field<'a>)>) -> Self {
        Self(fields)
    }

    /// Adds one behind the others.
    pub(super) fn push(&mut self, name: &'static str, field: impl Into<Field<'a>>) {
        self.0.push((name, field.into()));
    }

    /// The field with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field<'a>> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| field)
    }

    /// Names and fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Field<'a>)> {
        self.0.iter().map(|(name, field)| (*name, field))
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = (&'static str, Field<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> Field<'a> {
    /// The field as text, JSON where it is more than one value; `None` when it says nothing.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Null => return None,
            Self::List(list) if list.is_empty() => return None,
            Self::Text(text) => Cow::Borrowed(text.as_ref()),
            Self::Flag(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Self::Number(number) => number.to_string().into(),
            Self::Signed(number) => number.to_string().into(),
            // Every value can be written.
            Self::Texts(_) | Self::List(_) | Self::Object(_) => {
                serde_json::to_string(self).unwrap_or_default().into()
            }
        };
        (!text.is_empty()).then_some(text)
    }

    /// As [`Field::text`], where the field is not needed any more.
    #[must_use]
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(text),
            other => other.text().map(|text| Cow::Owned(text.into_owned())),
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Number(number) => to.serialize_u64(*number),
            Self::Signed(number) => to.serialize_i64(*number),
            Self::Text(text) => to.serialize_str(text),
            Self::Texts(texts) => texts.serialize(to),
            Self::List(list) => list.serialize(to),
            Self::Object(fields) => fields.serialize(to),
        }
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (name, field) in &self.0 {
            map.serialize_entry(name, field)?;
        }
        map.end()
    }
}

/// Makes fields: names, and what [`Field`] is made of.
macro_rules! fields {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::reading::field::Fields::new(vec![
            $(($name, $crate::reading::field::Field::from($value)),)*
        ])
    };
}
pub(super) use fields;

/// Says what a field is made of.
macro_rules! made_of {
    ($($from:ty: |$value:ident| $field:expr,)*) => {$(
        impl<'a> From<$from> for Field<'a> {
            fn from($value: $from) -> Self {
                $field
            }
        }
    )*};
}

made_of! {
    &bool: |flag| Self::Flag(*flag),
    &u64: |number| Self::Number(*number),
    &u32: |number| Self::Number(u64::from(*number)),
    &i32: |number| Self::Signed(i64::from(*number)),
    &Option<i32>: |number| number.as_ref().into(),
    usize: |number| Self::Number(u64::try_from(number).unwrap_or(u64::MAX)),
    &'a str: |text| Self::Text(Cow::Borrowed(text)),
    &'a String: |text| Self::Text(Cow::Borrowed(text)),
    String: |text| Self::Text(Cow::Owned(text)),
    Cow<'a, str>: |text| Self::Text(text),
    &'a Vec<String>: |texts| Self::List(texts.iter().map(Self::from).collect()),
    &Vec<u64>: |numbers| Self::List(numbers.iter().map(Self::from).collect()),
    &'a BTreeMap<String, String>: |texts| Self::Texts(texts),
    Fields<'a>: |fields| Self::Object(fields),
}

impl<'a, T: Into<Self>> From<Option<T>> for Field<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_in_their_order_and_read_as_texts() {
        let texts = BTreeMap::from([("b".to_owned(), "2".to_owned())]);
        let nothing: Vec<String> = Vec::new();
        let some = vec!["x".to_owned(), "y".to_owned()];
        let all = || {
            fields! {
                "z": "a \"word\"",
                "number": &7_u64,
                "below": &-7_i32,
                "flag": &true,
                "none": None::<&str>,
                "empty": "",
                "texts": &texts,
                "list": &some,
                "nothing": &nothing,
                "objects": Field::List(vec![fields! { "k": 2_usize }.into()]),
            }
        };
        let json = r#"{"z":"a \"word\"","number":7,"below":-7,"flag":true,"none":null,"empty":"","#;
        let rest = r#""texts":{"b":"2"},"list":["x","y"],"nothing":[],"objects":[{"k":2}]}"#;
        let written = |fields: &Fields<'_>| serde_json::to_string(fields).expect("JSON");
        assert_eq!(written(&all()), format!("{json}{rest}"));
        let said = |name: &str| {
            let field = all().get(name).cloned();
            let text = field.as_ref().and_then(Field::text).map(Cow::into_owned);
            assert_eq!(field.and_then(Field::into_text).as_deref(), text.as_deref());
            text
        };
        for (name, text) in [
            ("z", Some("a \"word\"")),
            ("number", Some("7")),
            ("below", Some("-7")),
            ("flag", Some("true")),
            ("none", None),
            ("empty", None),
            ("texts", Some(r#"{"b":"2"}"#)),
            ("list", Some(r#"["x","y"]"#)),
            ("nothing", None),
            ("objects", Some(r#"[{"k":2}]"#)),
            ("missing", None),
        ] {
            assert_eq!(said(name).as_deref(), text, "{name}");
        }
    }
}
