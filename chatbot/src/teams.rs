//! The bot in Microsoft Teams: how cards and forms are drawn, as Adaptive Cards 1.5, what people
//! send back, how it is known that Microsoft's connector brought it, and what is posted.
//!
//! **The words of people are never markup.** They stand in the text runs of rich text blocks, which
//! know no Markdown; the pair of braces that would begin a function is taken apart. What a
//! `TextBlock` says, which is Markdown, is only ours: labels and times.

pub mod activity;
pub mod answer;
pub mod card;
pub mod cloud;
pub mod command;
pub mod connector;
pub mod desk;
pub mod dress;
pub mod elements;
mod fetch;
pub mod form;
pub mod http;
pub mod keys;
pub mod manifest;
mod pass;
pub mod service;
pub mod settings;
pub mod submission;
pub mod surface;
pub mod token;
mod words;
