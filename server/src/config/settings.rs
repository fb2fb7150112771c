//! The settings for people: what each is, what it is set to, and where that comes from.

/// A setting for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `SHOWRUNNER_SEED`
    pub variable: String,
    /// `--seed`
    pub flag: String,
    /// What it is.
    pub help: String,
    /// What it is set to; of a secret only that it is set. `None`: not set.
    pub value: Option<String>,
    /// Where that comes from.
    pub from: &'static str,
}

/// What the settings of a command line are, and where each comes from.
pub fn settings(command: &clap::Command, matches: &clap::ArgMatches) -> Vec<Setting> {
    use clap::parser::ValueSource;
    let known = command.get_arguments().filter_map(|arg| Some((arg, arg.get_env()?, arg.get_long()?)));
    known
        .map(|(arg, variable, flag)| {
            let id = arg.get_id().as_str();
            let value = matches
                .get_raw(id)
                .map(|values| values.map(|value| value.to_string_lossy()).collect::<Vec<_>>().join(","));
            Setting {
                variable: variable.to_string_lossy().into_owned(),
                flag: format!("--{flag}"),
                help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
                from: match matches.value_source(id) {
                    Some(ValueSource::CommandLine) => "command line",
                    Some(ValueSource::EnvVariable) => "environment",
                    Some(_) => "default",
                    None => "not set",
                },
                value: if arg.is_hide_env_values_set() { value.map(|_| "a secret".to_owned()) } else { value },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::*;
    use crate::config::Config;

    #[test]
    fn settings_say_where_they_come_from_and_tell_no_secret() {
        let command = Config::augment_args(clap::Command::new("test"));
        let matches = command
            .clone()
            .try_get_matches_from([
                "test",
                "--seed",
                "7",
                "--oidc-client-secret",
                "hush",
                "--oidc-scopes",
                "email,groups",
            ])
            .unwrap();
        let all = settings(&command, &matches);
        let of = |variable: &str| all.iter().find(|setting| setting.variable == variable).unwrap();
        let seed = of("SHOWRUNNER_SEED");
        assert_eq!((seed.value.as_deref(), seed.from, &*seed.flag), (Some("7"), "command line", "--seed"));
        assert_eq!(of("SHOWRUNNER_OIDC_SCOPES").value.as_deref(), Some("email,groups"));
        assert_eq!((of("SHOWRUNNER_ID").value.as_deref(), of("SHOWRUNNER_ID").from), (Some("demo"), "default"));
        assert_eq!(
            (of("SHOWRUNNER_OPENLINEAGE_URL").value.as_deref(), of("SHOWRUNNER_OPENLINEAGE_URL").from),
            (None, "not set")
        );
        assert_eq!(of("SHOWRUNNER_OIDC_CLIENT_SECRET").value.as_deref(), Some("a secret"));
        assert!(!format!("{all:?}").contains("hush"));
        assert!(all.iter().all(|setting| !setting.help.is_empty()), "{all:?}");
    }
}
