//! muster: a face-recognition attendance terminal for the keyboard.
//!
//! Read the modules in this order:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`face`] | boxes, landmarks, alignment, embeddings, templates |
//! | [`identify`] | a probe against the gallery: candidates, threshold, outcome |
//! | [`track`] | detections over frames: tracks, and votes to one decision |
//! | [`attendance`] | people, presence, and when a decision becomes a record |
//! | [`ledger`] | entries, their parts, and the chain of hashes |
//! | [`access`] | roles and operators |
//! | [`capture`] | where frames come from: stills, replay, video, camera, network streams |
//! | [`inference`] | model cards, the runtime, and the pipeline from picture to probe |
//! | [`store`] | people, templates and the ledger, on disk |
//! | [`engine`] | the threads that join all of it, behind one handle |
//! | [`link`] | the engine over a Unix socket, for other processes |
//! | [`hook`] | records for other systems: programs and servers |
//! | [`tui`] | the screen |
//! | [`cli`] | the subcommands: the only place that names concrete adapters |
//! | [`config`] | what was typed and what is used |
//! | [`setup`] | fetching the runtime, the nets and the demo pictures |
//! | [`demo`] | which pictures the demo enrols from and shows |
//! | [`diagnostics`] | where the program writes about itself |
//!
//! Who may import whom: `face`, `identify`, `track`, `attendance`, `ledger` and `access` are pure (no
//! I/O, no clock, no thread) and know only each other. `capture`, `inference` and `store` know the
//! domain and not each other, except that `inference` reads pictures from `capture`. `engine` knows
//! the domain and the three ports; `link`, `tui` and `hook` know `engine` and the domain; `config` knows the words
//! of the domain and the ports that a value can be written in, and `diagnostics` knows `config`; `demo`
//! and `setup` know model cards and digests; `cli` knows everything, and nobody knows `cli`. A test in
//! `tests/` reads the imports and fails on an arrow that points the wrong way.

pub mod access;
pub mod attendance;
pub mod capture;
pub mod cli;
pub mod config;
pub mod demo;
pub mod diagnostics;
pub mod engine;
pub mod face;
pub mod hook;
pub mod identify;
pub mod inference;
pub mod ledger;
pub mod link;
pub mod setup;
pub mod store;
pub mod track;
pub mod tui;
