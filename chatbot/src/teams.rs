//! How Teams draws cards and forms, as Adaptive Cards 1.5, and what they send back.
//!
//! **The words of people are never markup.** They stand in the text runs of rich text blocks, which
//! know no Markdown; the pair of braces that would begin a function is taken apart. What a
//! `TextBlock` says, which is Markdown, is only ours: labels and times.

pub mod card;
pub mod elements;
pub mod form;
pub mod settings;
pub mod submission;
