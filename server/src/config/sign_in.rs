//! Signing in: the provider, and who is an admin from the start.

use clap::Args;

use super::{Secret, web_address};
use crate::error::{Error, ErrorKind, Result};
use crate::sign_in::oidc::ProviderSettings;

/// Signing in. Without an issuer, roles are chosen by name, on this machine alone.
#[derive(Debug, Clone, Args)]
pub struct SignInConfig {
    /// The OpenID provider that signs people in, for instance https://accounts.google.com
    #[arg(id = "oidc-issuer", long = "oidc-issuer", env = "SHOWRUNNER_OIDC_ISSUER", global = true, value_parser = web_address, value_name = "URL", help_heading = "Configuration")]
    pub issuer: Option<String>,
    /// The client id that the provider gave this server
    #[arg(
        id = "oidc-client-id",
        long = "oidc-client-id",
        env = "SHOWRUNNER_OIDC_CLIENT_ID",
        global = true,
        value_name = "ID",
        help_heading = "Configuration"
    )]
    pub client_id: Option<String>,
    /// The client secret; better in the environment than in a command line, which others can read
    #[arg(
        id = "oidc-client-secret",
        long = "oidc-client-secret",
        env = "SHOWRUNNER_OIDC_CLIENT_SECRET",
        hide_env_values = true,
        global = true,
        value_name = "SECRET",
        help_heading = "Configuration"
    )]
    pub client_secret: Option<Secret>,
    /// Scopes that the provider is asked for beside openid
    #[arg(
        id = "oidc-scopes",
        long = "oidc-scopes",
        env = "SHOWRUNNER_OIDC_SCOPES",
        default_value = "email,profile",
        value_delimiter = ',',
        global = true,
        value_name = "SCOPES",
        help_heading = "Configuration"
    )]
    pub scopes: Vec<String>,
    /// Where browsers reach this server, for instance https://show.example.com: the provider sends them back to it
    #[arg(id = "public-url", long = "public-url", env = "SHOWRUNNER_PUBLIC_URL", global = true, value_parser = origin, value_name = "URL", help_heading = "Configuration")]
    pub public_url: Option<String>,
    /// E-mail addresses of those who are admins as soon as they sign in
    #[arg(
        long,
        env = "SHOWRUNNER_ADMINS",
        value_delimiter = ',',
        global = true,
        value_name = "EMAILS",
        help_heading = "Configuration"
    )]
    pub admins: Vec<String>,
    /// A browser has to sign in again after so many hours
    #[arg(id = "session-hours", long = "session-hours", env = "SHOWRUNNER_SESSION_HOURS", default_value_t = 168, global = true, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8_760), help_heading = "Configuration")]
    pub hours: u32,
}

impl SignInConfig {
    /// The provider, where one is set.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where something is missing.
    pub fn provider(&self) -> Result<Option<ProviderSettings>> {
        let Some(issuer) = self.issuer.clone() else {
            return Ok(None);
        };
        let missing = |what: &str| {
            Error::new(ErrorKind::Invalid, format!("SHOWRUNNER_OIDC_ISSUER is set, but {what} is not. Set it, too."))
        };
        let client_id = self.client_id.clone().ok_or_else(|| missing("SHOWRUNNER_OIDC_CLIENT_ID"))?;
        let public = self.public_url.as_deref().ok_or_else(|| missing("SHOWRUNNER_PUBLIC_URL"))?;
        Ok(Some(ProviderSettings {
            issuer,
            client_id,
            client_secret: self.client_secret.clone(),
            scopes: self.scopes.iter().map(|scope| scope.trim().to_owned()).filter(|scope| !scope.is_empty()).collect(),
            redirect: format!("{public}/sign-in/callback"),
        }))
    }

    /// Host and port of the public address.
    pub fn public_host(&self) -> Option<&str> {
        self.public_url.as_deref().and_then(|url| url.split_once("://")).map(|(_, host)| host)
    }

    /// Whether browsers reach this server by https.
    pub fn https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// An address without a path.
fn origin(text: &str) -> std::result::Result<String, String> {
    let text = text.trim_end_matches('/');
    match url::Url::parse(text) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty() =>
        {
            Ok(url.origin().ascii_serialization())
        }
        _ => Err("not an address like https://show.example.com, without a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ServeConfig};

    #[test]
    fn other_machines_may_only_where_people_sign_in() {
        let mut sign_in = Config::for_tests("").sign_in;
        let check = |addr: &str, sign_in: &SignInConfig| ServeConfig { addr: addr.parse().unwrap() }.checked(sign_in);
        assert!(check("127.0.0.1:0", &sign_in).is_ok());
        assert!(check("[::1]:3000", &sign_in).is_ok());
        for addr in ["0.0.0.0:3000", "192.168.1.2:3000", "[::]:3000"] {
            let refused = check(addr, &sign_in).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Invalid, "{addr}");
            assert!(refused.message.contains("SHOWRUNNER_OIDC_ISSUER"), "{refused}");
        }
        sign_in.issuer = Some("https://accounts.google.com".to_owned());
        for set in ["SHOWRUNNER_OIDC_CLIENT_ID", "SHOWRUNNER_PUBLIC_URL"] {
            let refused = check("127.0.0.1:0", &sign_in).unwrap_err();
            assert!(refused.message.contains(set), "{refused}");
            if sign_in.client_id.is_none() {
                sign_in.client_id = Some("client".to_owned());
            } else {
                sign_in.public_url = Some(origin("https://show.example.com/").unwrap());
            }
        }
        assert!(check("0.0.0.0:3000", &sign_in).is_ok());
        assert_eq!(sign_in.public_host(), Some("show.example.com"));
        assert!(sign_in.https());
    }

    #[test]
    fn a_public_address_has_no_path() {
        assert_eq!(origin("http://127.0.0.1:3000/"), Ok("http://127.0.0.1:3000".to_owned()));
        for text in [
            "",
            "show.example.com",
            "https://a.example/b",
            "ftp://a.example",
            "https://u@a.example",
            "https://a.example/?x",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
