//! Google Cloud: which project, where, and at which addresses.

use clap::{Args, ValueEnum};
use showrunner_gcp::{Endpoints, GcpConfig};

use super::{NameConfig, Setting};
use crate::error::{Error, ErrorKind, Result};

/// Where buckets, topics and the warehouse are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// In the data folder: no account, no network
    #[default]
    Embedded,
    /// Cloud Storage, Pub/Sub and BigQuery
    Gcp,
}

/// Google Cloud.
#[derive(Debug, Clone, Default, Args)]
pub struct CloudConfig {
    /// Where buckets, topics and the warehouse are: in the data folder, or on Google Cloud
    #[arg(
        long,
        env = "SHOWRUNNER_BACKEND",
        value_enum,
        default_value = "embedded",
        global = true,
        help_heading = "Configuration"
    )]
    pub backend: Backend,
    /// The Google Cloud project, by its id
    #[arg(id = "gcp-project", long = "gcp-project", env = "SHOWRUNNER_GCP_PROJECT", global = true, value_parser = project, value_name = "PROJECT", help_heading = "Configuration")]
    pub project: Option<String>,
    /// Where buckets and datasets lie; Google's public data is in US
    #[arg(id = "gcp-location", long = "gcp-location", env = "SHOWRUNNER_GCP_LOCATION", default_value = "US", global = true, value_parser = location, value_name = "LOCATION", help_heading = "Configuration")]
    pub location: String,
    /// A service account to act as; left out: whoever the application default credentials are of
    #[arg(
        id = "gcp-impersonate",
        long = "gcp-impersonate",
        env = "SHOWRUNNER_GCP_IMPERSONATE",
        global = true,
        value_name = "E-MAIL",
        help_heading = "Configuration"
    )]
    pub impersonate: Option<String>,
    /// Where Cloud Storage answers, JSON and XML; left out: Google. http:// on this machine means a stand-in that asks nobody's name
    #[arg(
        id = "gcs-endpoint",
        long = "gcs-endpoint",
        env = "SHOWRUNNER_GCS_ENDPOINT",
        global = true,
        value_name = "URL",
        help_heading = "Configuration"
    )]
    pub gcs_endpoint: Option<String>,
    /// Where Cloud Storage answers, gRPC; left out: Google
    #[arg(
        id = "gcs-control-endpoint",
        long = "gcs-control-endpoint",
        env = "SHOWRUNNER_GCS_CONTROL_ENDPOINT",
        global = true,
        value_name = "URL",
        help_heading = "Configuration"
    )]
    pub gcs_control_endpoint: Option<String>,
    /// Where Pub/Sub answers, gRPC; left out: Google
    #[arg(
        id = "pubsub-endpoint",
        long = "pubsub-endpoint",
        env = "SHOWRUNNER_PUBSUB_ENDPOINT",
        global = true,
        value_name = "URL",
        help_heading = "Configuration"
    )]
    pub pubsub_endpoint: Option<String>,
    /// Where BigQuery answers, REST; left out: Google
    #[arg(
        id = "bigquery-endpoint",
        long = "bigquery-endpoint",
        env = "SHOWRUNNER_BIGQUERY_ENDPOINT",
        global = true,
        value_name = "URL",
        help_heading = "Configuration"
    )]
    pub bigquery_endpoint: Option<String>,
    /// Where BigQuery Storage Write answers, gRPC; left out: Google
    #[arg(
        id = "bigquery-grpc-endpoint",
        long = "bigquery-grpc-endpoint",
        env = "SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT",
        global = true,
        value_name = "URL",
        help_heading = "Configuration"
    )]
    pub bigquery_grpc_endpoint: Option<String>,
}

impl CloudConfig {
    /// What the Google Cloud back end is given.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when no project is set, or an endpoint is no address that a token may go to.
    pub fn gcp(&self, names: &NameConfig) -> Result<GcpConfig> {
        let project = self.project.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "No Google Cloud project is set. Set SHOWRUNNER_GCP_PROJECT, or --gcp-project, to a project's id; gcloud projects list shows them.",
            )
        })?;
        Ok(GcpConfig {
            project,
            location: self.location.clone(),
            show: format!("{}-{}", names.id, names.stage),
            impersonate: self.impersonate.clone().filter(|account| !account.is_empty()),
            endpoints: Endpoints::of(|name| self.endpoint(name))?,
        })
    }

    /// What one of [`Endpoints::SETTINGS`] is set to.
    fn endpoint(&self, name: &str) -> Option<String> {
        let set = match name {
            "SHOWRUNNER_GCS_ENDPOINT" => &self.gcs_endpoint,
            "SHOWRUNNER_GCS_CONTROL_ENDPOINT" => &self.gcs_control_endpoint,
            "SHOWRUNNER_PUBSUB_ENDPOINT" => &self.pubsub_endpoint,
            "SHOWRUNNER_BIGQUERY_ENDPOINT" => &self.bigquery_endpoint,
            "SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT" => &self.bigquery_grpc_endpoint,
            _ => &None,
        };
        set.clone()
    }
}

/// `showrunner`, with those flags of the command line that say which show in which project it is about.
pub fn called(settings: &[Setting]) -> String {
    let is_about = |setting: &&Setting| {
        let names = ["SHOWRUNNER_ID", "SHOWRUNNER_STAGE"].contains(&setting.variable.as_str());
        let cloud = setting.variable.starts_with("SHOWRUNNER_GCP_");
        let endpoint = Endpoints::SETTINGS.iter().any(|(name, _)| *name == setting.variable);
        setting.from == "command line" && (names || cloud || endpoint)
    };
    let flags = settings.iter().filter(is_about).filter_map(|setting| {
        let value = setting.value.as_deref()?;
        Some(format!(" {}={value}", setting.flag))
    });
    std::iter::once("showrunner".to_owned()).chain(flags).collect()
}

/// <https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin>, and older ones with a domain in front.
fn project(text: &str) -> std::result::Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    if text.is_empty() || text.len() > 100 || !text.chars().all(fits) {
        return Err("use the project's id, of a-z, 0-9 and '-', as gcloud projects list shows it".to_owned());
    }
    Ok(text.to_owned())
}

fn location(text: &str) -> std::result::Result<String, String> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err("use a location such as US, EU or europe-west1".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::config::{Config, settings};

    fn read(arguments: &[&str]) -> (Config, Vec<Setting>) {
        let command = Config::augment_args(clap::Command::new("test"));
        let all = std::iter::once("test").chain(arguments.iter().copied());
        let matches = command.clone().try_get_matches_from(all).unwrap();
        (Config::from_arg_matches(&matches).unwrap(), settings(&command, &matches))
    }

    #[test]
    fn every_endpoint_is_a_setting_of_its_own() {
        for (at, (name, _)) in Endpoints::SETTINGS.iter().enumerate() {
            let (_, all) = read(&[]);
            let flag = all.iter().find(|setting| setting.variable == *name).unwrap().flag.clone();
            let address = format!("http://127.0.0.1:{}", 9_000 + at);
            let (config, all) = read(&["--gcp-project", "p", &flag, &address]);
            let endpoints = config.cloud.gcp(&config.names).unwrap().endpoints;
            let every = [
                &endpoints.storage,
                &endpoints.storage_control,
                &endpoints.pubsub,
                &endpoints.bigquery,
                &endpoints.bigquery_grpc,
            ];
            let set: Vec<bool> = every.iter().map(|endpoint| endpoint.url() == address).collect();
            assert_eq!(set, (0..5).map(|n| n == at).collect::<Vec<_>>(), "{name}");
            assert_eq!(called(&all), format!("showrunner --gcp-project=p {flag}={address}"));
        }
    }

    #[test]
    fn a_project_has_to_be_set_and_the_show_is_id_and_stage() {
        let (config, all) = read(&[]);
        let error = config.cloud.gcp(&config.names).unwrap_err();
        assert!(error.message.contains("SHOWRUNNER_GCP_PROJECT"), "{error}");
        assert_eq!(called(&all), "showrunner");
        let (config, _) = read(&["--gcp-project", "acme-demo", "--id", "a", "--stage", "b"]);
        let gcp = config.cloud.gcp(&config.names).unwrap();
        assert_eq!((&*gcp.project, &*gcp.location, &*gcp.show), ("acme-demo", "US", "a-b"));
        assert!(project("p; rm").is_err() && project("example.com:p-1").is_ok() && location("US'").is_err());
    }
}
