//! Which project, where, and at which addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use showrunner_lake::{Error, ErrorKind, Result};
use url::Url;

/// The label that everything we create carries; what has none is not ours, and is never touched.
pub const LABEL: &str = "showrunner";

/// What the Google Cloud back end is given.
#[derive(Debug, Clone)]
pub struct GcpConfig {
    /// Project id, for instance `acme-demo`.
    pub project: String,
    /// Location of buckets and datasets, for instance `US` or `europe-west1`.
    pub location: String,
    /// The `{id}-{stage}` of this show: the value of [`LABEL`], so that two shows in one project stay apart.
    pub show: String,
    /// A service account to act as, by the IAM Credentials API; `None`: as the application default credentials say.
    pub impersonate: Option<String>,
    /// Where the services answer.
    pub endpoints: Endpoints,
}

impl GcpConfig {
    /// The labels of everything that is created.
    pub fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(LABEL.to_owned(), self.show.clone())])
    }
}

/// One service's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    anonymous: bool,
}

impl Endpoint {
    /// Reads an address. `http://` on a loopback address means anonymous; anything else has to be `https://`, since a token goes there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what is wrong with it.
    pub fn parse(name: &str, text: &str) -> Result<Endpoint> {
        let refused = |why: &str| {
            Error::new(ErrorKind::Invalid, format!("{name} is {text:?}, which {why}. Set it to https://HOST[:PORT]."))
        };
        let url = Url::parse(text).map_err(|_| refused("is no address"))?;
        let fine = url.path() == "/" && url.query().is_none() && url.username().is_empty();
        if !fine {
            return Err(refused("has more than a host and a port"));
        }
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
            Some(url::Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(Endpoint { url: trimmed(&url), anonymous: false }),
            "http" if loopback => Ok(Endpoint { url: trimmed(&url), anonymous: true }),
            "http" => Err(refused("would send a token in clear: http:// is for loopback addresses")),
            _ => Err(refused("is neither http:// nor https://")),
        }
    }

    /// The address without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether nobody is asked who they are there.
    pub fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    pub(crate) fn google(url: &str) -> Endpoint {
        Endpoint { url: url.to_owned(), anonymous: false }
    }
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Where the services answer; Google's own addresses unless set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Cloud Storage's JSON and XML surface: `SHOWRUNNER_GCS_ENDPOINT`.
    pub storage: Endpoint,
    /// Cloud Storage's gRPC surface: `SHOWRUNNER_GCS_CONTROL_ENDPOINT`.
    pub storage_control: Endpoint,
    /// Pub/Sub, REST for administration and gRPC for messages: `SHOWRUNNER_PUBSUB_ENDPOINT`.
    pub pubsub: Endpoint,
    /// BigQuery's REST surface: `SHOWRUNNER_BIGQUERY_ENDPOINT`.
    pub bigquery: Endpoint,
    /// BigQuery's Storage Write, gRPC: `SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT`.
    pub bigquery_grpc: Endpoint,
}

impl Default for Endpoints {
    fn default() -> Self {
        Endpoints {
            storage: Endpoint::google("https://storage.googleapis.com"),
            storage_control: Endpoint::google("https://storage.googleapis.com"),
            pubsub: Endpoint::google("https://pubsub.googleapis.com"),
            bigquery: Endpoint::google("https://bigquery.googleapis.com"),
            bigquery_grpc: Endpoint::google("https://bigquerystorage.googleapis.com"),
        }
    }
}

impl Endpoints {
    /// The settings that name endpoints, with what each is.
    pub const SETTINGS: [(&'static str, &'static str); 5] = [
        ("SHOWRUNNER_GCS_ENDPOINT", "Cloud Storage, JSON and XML"),
        ("SHOWRUNNER_GCS_CONTROL_ENDPOINT", "Cloud Storage, gRPC"),
        ("SHOWRUNNER_PUBSUB_ENDPOINT", "Pub/Sub, REST and gRPC"),
        ("SHOWRUNNER_BIGQUERY_ENDPOINT", "BigQuery, REST"),
        ("SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT", "BigQuery Storage Write, gRPC"),
    ];

    /// Google's endpoints, but for those that `setting` names a value of.
    ///
    /// # Errors
    /// Those of [`Endpoint::parse`].
    pub fn of(setting: impl Fn(&str) -> Option<String>) -> Result<Endpoints> {
        let mut endpoints = Endpoints::default();
        let places = [
            &mut endpoints.storage,
            &mut endpoints.storage_control,
            &mut endpoints.pubsub,
            &mut endpoints.bigquery,
            &mut endpoints.bigquery_grpc,
        ];
        for (place, (name, _)) in places.into_iter().zip(Self::SETTINGS) {
            if let Some(text) = setting(name).filter(|text| !text.is_empty()) {
                *place = Endpoint::parse(name, &text)?;
            }
        }
        Ok(endpoints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_for_loopback_and_means_anonymous() {
        for (text, url, anonymous) in [
            ("http://127.0.0.1:4443", "http://127.0.0.1:4443", true),
            ("http://localhost:8085/", "http://localhost:8085", true),
            ("http://[::1]:9050", "http://[::1]:9050", true),
            ("https://storage.example.org", "https://storage.example.org", false),
            ("https://127.0.0.1:443", "https://127.0.0.1", false),
        ] {
            let endpoint = Endpoint::parse("X", text).expect(text);
            assert_eq!((endpoint.url(), endpoint.is_anonymous()), (url, anonymous), "{text}");
        }
        for text in [
            "",
            "localhost:8085",
            "http://example.org",
            "http://10.0.0.1:1",
            "ftp://127.0.0.1",
            "https://a/b",
            "https://u@a",
        ] {
            let error = Endpoint::parse("SHOWRUNNER_X", text).expect_err(text);
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.message.contains("SHOWRUNNER_X"), "{error}");
        }
    }

    #[test]
    fn what_is_not_set_is_googles() {
        let set = |name: &str| (name == "SHOWRUNNER_PUBSUB_ENDPOINT").then(|| "http://127.0.0.1:8085".to_owned());
        let endpoints = Endpoints::of(set).expect("fine");
        assert_eq!(endpoints.pubsub.url(), "http://127.0.0.1:8085");
        assert_eq!(endpoints.storage, Endpoints::default().storage);
        assert!(Endpoints::of(|_| Some("nonsense".to_owned())).is_err());
    }
}
