//! Settings with where each comes from, and what `doctor` finds.

use app::wire::{CheckView, SettingView, SettingsView, State};

use super::Views;
use crate::doctor::{self, Level};
use crate::format;

impl Views {
    /// Settings, and what is missing.
    pub async fn settings(&self) -> SettingsView {
        let config = &self.state.config;
        let checks = doctor::while_serving(config, &self.state.store).await;
        let red = checks.iter().filter(|check| check.level == Level::Red).count() as u64;
        let checks = checks.into_iter().map(|check| {
            let (state, word) = match check.level {
                Level::Good => (State::Done, "Well"),
                Level::Note => (State::Warn, "Note"),
                Level::Red => (State::Failed, "Red"),
            };
            CheckView { state, word: word.into(), what: check.what.into(), found: check.found, fix: check.fix }
        });
        let settings = config.settings.iter().map(|setting| SettingView {
            variable: setting.variable.clone(),
            flag: setting.flag.clone(),
            help: setting.help.clone(),
            value: setting.value.clone().unwrap_or_else(|| "–".into()),
            from: setting.from.into(),
        });
        SettingsView {
            summary: match red {
                0 => "nothing is missing".into(),
                red => format!("{} to mend", format::plural(red, "thing")),
            },
            checks: checks.collect(),
            settings: settings.collect(),
        }
    }
}
