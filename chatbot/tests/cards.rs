//! Cards and forms as people get them: every moment for every reader against the files in
//! `golden/`, hostile words in every field, and what forms send back.

#[path = "cards/events.rs"]
mod events;
#[path = "cards/forms.rs"]
mod forms;
#[path = "cards/goldens.rs"]
mod goldens;
#[path = "cards/hostile.rs"]
mod hostile;
#[path = "cards/readers.rs"]
mod readers;
#[path = "cards/scenes.rs"]
mod scenes;
