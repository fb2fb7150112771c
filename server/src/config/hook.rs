//! Pushed notifications: who may push, and what for.

use clap::Args;

use crate::error::{Error, ErrorKind, Result};

/// Whose tokens count unless another issuer is set.
pub const GOOGLE: &str = "https://accounts.google.com";

/// Notifications that Pub/Sub pushes to `/hooks/gcs`. Taken only where audience and account are set.
#[derive(Debug, Clone, Default, Args)]
pub struct HookConfig {
    /// Pub/Sub may push notifications of the ingestion bucket to /hooks/gcs by tokens of this audience, for instance https://show.example.com/hooks/gcs
    #[arg(
        id = "hook-audience",
        long = "hook-audience",
        env = "SHOWRUNNER_HOOK_AUDIENCE",
        global = true,
        value_name = "AUDIENCE",
        help_heading = "Configuration"
    )]
    pub audience: Option<String>,
    /// The service account whose tokens they have to be, by its e-mail address
    #[arg(
        id = "hook-account",
        long = "hook-account",
        env = "SHOWRUNNER_HOOK_ACCOUNT",
        global = true,
        value_name = "E-MAIL",
        help_heading = "Configuration"
    )]
    pub account: Option<String>,
    /// Who signs those tokens; http:// is for a stand-in on this machine
    #[arg(id = "hook-issuer", long = "hook-issuer", env = "SHOWRUNNER_HOOK_ISSUER", default_value = GOOGLE, global = true, value_parser = issuer, value_name = "URL", help_heading = "Configuration")]
    pub issuer: String,
}

/// Whose pushes are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSettings {
    /// The claim `aud`.
    pub audience: String,
    /// The claim `email`.
    pub account: String,
    /// The claim `iss`, and where the keys are found.
    pub issuer: String,
}

impl HookConfig {
    /// Whose pushes are taken; `None`: nobody's.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where one half is missing.
    pub fn settings(&self) -> Result<Option<HookSettings>> {
        let set = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let missing = |there: &str, what: &str| {
            Err(Error::new(ErrorKind::Invalid, format!("{there} is set, but {what} is not. Set it, too.")))
        };
        match (set(&self.audience), set(&self.account)) {
            (None, None) => Ok(None),
            (Some(_), None) => missing("SHOWRUNNER_HOOK_AUDIENCE", "SHOWRUNNER_HOOK_ACCOUNT"),
            (None, Some(_)) => missing("SHOWRUNNER_HOOK_ACCOUNT", "SHOWRUNNER_HOOK_AUDIENCE"),
            (Some(audience), Some(account)) => {
                Ok(Some(HookSettings { audience, account, issuer: self.issuer.clone() }))
            }
        }
    }
}

/// Whether keys may be read at this address: what vouches for others must itself be who it is.
pub(crate) fn vouches(url: &url::Url) -> bool {
    let loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.username().is_empty() && (url.scheme() == "https" || url.scheme() == "http" && loopback)
}

fn issuer(text: &str) -> std::result::Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if vouches(&url) && url.query().is_none() && url.fragment().is_none() => Ok(text.to_owned()),
        _ => Err(format!("not an address like {GOOGLE}; http:// is for this machine's own addresses")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_half_is_an_error_and_neither_is_off() {
        let of = |audience: &str, account: &str| {
            let some = |text: &str| Some(text.to_owned()).filter(|text| text != "-");
            HookConfig { audience: some(audience), account: some(account), issuer: GOOGLE.to_owned() }.settings()
        };
        assert_eq!(of("-", "-").unwrap(), None);
        assert_eq!(of("", "").unwrap(), None);
        assert!(of("a", "b").unwrap().is_some());
        for (audience, account, lacking) in
            [("a", "-", "SHOWRUNNER_HOOK_ACCOUNT is not"), ("", "b", "SHOWRUNNER_HOOK_AUDIENCE is not")]
        {
            let error = of(audience, account).unwrap_err();
            assert!(error.kind == ErrorKind::Invalid && error.message.contains(lacking), "{error}");
        }
    }

    #[test]
    fn an_issuer_is_one_that_can_prove_who_it_is() {
        for text in
            [GOOGLE, "https://id.example/realms/a", "http://127.0.0.1:9000", "http://[::1]:1", "http://localhost:1"]
        {
            assert!(issuer(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "accounts.google.com",
            "http://id.example",
            "http://10.0.0.1",
            "https://u@a",
            "ftp://127.0.0.1",
            "https://a/?b",
        ] {
            assert!(issuer(text).is_err(), "{text}");
        }
    }
}
