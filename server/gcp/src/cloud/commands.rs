//! What things are called for people, and the commands that show or mend them: both from the same value.

use super::google::{PER_DAY, QUERY_USAGE};
use super::plan::Thing;
use crate::GcpConfig;
use crate::config::LABEL;
use crate::topics::Names;

/// Names and commands of one show.
pub(super) struct Commands {
    config: GcpConfig,
    names: Names,
    /// How this program is called with its settings, for instance `showrunner --id demo`.
    program: String,
}

impl Commands {
    pub fn of(config: &GcpConfig, program: &str) -> Commands {
        Commands { config: config.clone(), names: Names::of(config), program: program.to_owned() }
    }

    /// A topic as Google calls it within the project.
    pub fn topic(&self, name: &str) -> String {
        last(&self.names.topic(name))
    }

    /// A subscription as Google calls it within the project.
    pub fn subscription(&self, name: &str) -> String {
        last(&self.names.subscription(name))
    }

    /// A thing for people.
    pub fn what(&self, thing: &Thing) -> String {
        match thing {
            Thing::Bucket(name) => format!("bucket {name}"),
            Thing::Topic { name, .. } => format!("topic {}", self.topic(name)),
            Thing::Subscription { name, .. } => format!("subscription {}", self.subscription(name)),
            Thing::Publisher { topic } => format!("Cloud Storage may publish on {}", self.topic(topic)),
            Thing::Notification { bucket, .. } => format!("notifications of {bucket}"),
            Thing::Dataset(name) => format!("dataset {name}"),
        }
    }

    /// Shows one field of a thing, or all of it where `bq` has no fields.
    pub fn show(&self, thing: &Thing, field: &str) -> String {
        let project = word(&self.config.project);
        match thing {
            Thing::Bucket(name) => format!("gcloud storage buckets describe gs://{name} --format='value({field})'"),
            Thing::Topic { name, .. } => {
                let name = self.topic(name);
                format!("gcloud pubsub topics describe {name} --project={project} --format='value({field})'")
            }
            Thing::Subscription { name, .. } => {
                let name = self.subscription(name);
                format!("gcloud pubsub subscriptions describe {name} --project={project} --format='value({field})'")
            }
            Thing::Publisher { topic } => {
                format!("gcloud pubsub topics get-iam-policy {} --project={project}", self.topic(topic))
            }
            Thing::Notification { bucket, .. } => format!("gcloud storage buckets notifications list gs://{bucket}"),
            Thing::Dataset(name) => format!("bq show --format=prettyjson {project}:{name}"),
        }
    }

    /// Shows whose a thing is.
    pub fn show_labels(&self, thing: &Thing) -> String {
        self.show(thing, &format!("labels.{LABEL}"))
    }

    /// Changes a bucket or a subscription by one flag.
    pub fn update(&self, thing: &Thing, flag: &str) -> String {
        match thing {
            Thing::Bucket(name) => format!("gcloud storage buckets update gs://{name} {flag}"),
            Thing::Subscription { name, .. } => {
                let (name, project) = (self.subscription(name), word(&self.config.project));
                format!("gcloud pubsub subscriptions update {name} --project={project} {flag}")
            }
            other => self.show(other, "name"),
        }
    }

    /// Deletes a subscription that cannot be mended, and makes it again.
    pub fn remake_subscription(&self, name: &str) -> String {
        let (name, project) = (self.subscription(name), word(&self.config.project));
        format!("gcloud pubsub subscriptions delete {name} --project={project} && {}", self.build_up())
    }

    /// Deletes one notification configuration of a bucket.
    pub fn delete_notification(&self, bucket: &str, id: &str) -> String {
        format!("gcloud storage buckets notifications delete projects/_/buckets/{bucket}/notificationConfigs/{id}")
    }

    pub fn build_up(&self) -> String {
        format!("{} cloud up", self.program)
    }

    pub fn check_again(&self) -> String {
        format!("{} cloud check", self.program)
    }

    pub fn tear_down_again(&self) -> String {
        format!("{} cloud down --yes", self.program)
    }

    pub fn enable_api(&self, api: &str) -> String {
        format!("gcloud services enable {api} --project={}", word(&self.config.project))
    }

    /// Gives a role in the project; `member` as in `user:a@example.com`, else whom gcloud knows.
    pub fn grant(&self, member: Option<&str>, role: &str) -> String {
        let project = word(&self.config.project);
        let member = member.map_or_else(|| r#""user:$(gcloud config get-value account)""#.to_owned(), word);
        format!("gcloud projects add-iam-policy-binding {project} --member={member} --role={role}")
    }

    /// Lets somebody publish on a topic.
    pub fn grant_publisher(&self, topic: &str, member: &str) -> String {
        let (topic, project) = (self.topic(topic), word(&self.config.project));
        format!(
            "gcloud pubsub topics add-iam-policy-binding {topic} --project={project} --member={} --role={PUBLISHER}",
            word(member)
        )
    }

    /// Asks what a query would read, without running it.
    pub fn dry_run(&self, sql: &str, location: &str) -> String {
        let project = word(&self.config.project);
        format!("bq query --project_id={project} --location={location} --use_legacy_sql=false --dry_run {}", word(sql))
    }

    /// Shows how much queries may read.
    pub fn show_quota(&self) -> String {
        format!("gcloud alpha services quota list {} --filter=metric={QUERY_USAGE}", self.quota())
    }

    /// Lets queries read a tebibyte a day at most; the unit is a MiB.
    pub fn limit_queries(&self) -> String {
        let unit = word(PER_DAY);
        let quota = self.quota();
        format!(
            "gcloud alpha services quota update {quota} --metric={QUERY_USAGE} --unit={unit} --value=1048576 --force"
        )
    }

    fn quota(&self) -> String {
        format!("--service=bigquery.googleapis.com --consumer=projects/{}", word(&self.config.project))
    }

    pub fn show_project(&self) -> String {
        format!("gcloud projects describe {}", word(&self.config.project))
    }
}

/// The role that may publish on a topic.
pub(super) const PUBLISHER: &str = "roles/pubsub.publisher";
/// Signs in.
pub(super) const LOGIN: &str = "gcloud auth application-default login";
/// Sets this machine's clock by the network.
pub(super) const SET_CLOCK: &str = "sudo timedatectl set-ntp true";

/// What comes behind the last slash.
pub(super) fn last(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// One word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@:/=+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use showrunner_lake::Names;

    use super::*;
    use crate::Endpoints;
    use crate::cloud::plan::plan;

    fn commands(project: &str) -> Commands {
        let config = GcpConfig {
            project: project.to_owned(),
            location: "US".to_owned(),
            show: "demo-dev".to_owned(),
            impersonate: None,
            endpoints: Endpoints::default(),
        };
        Commands::of(&config, "showrunner --id demo")
    }

    #[test]
    fn commands_name_what_the_line_names() {
        let commands = commands("acme-demo");
        for thing in plan(&Names::of("demo", "dev").expect("names")) {
            let what = commands.what(&thing);
            let name = what.rsplit(' ').next().expect("a name");
            let mut all = vec![commands.show(&thing, "name"), commands.show_labels(&thing)];
            all.push(commands.update(&thing, "--flag"));
            if let Thing::Subscription { name, .. } = &thing {
                all.push(commands.remake_subscription(name));
            }
            if let Thing::Publisher { topic } = &thing {
                all.push(commands.grant_publisher(topic, "serviceAccount:a@example.com"));
            }
            if let Thing::Notification { bucket, .. } = &thing {
                all.push(commands.delete_notification(bucket, "7"));
            }
            for command in all {
                let named = command.split([' ', ':', '/']).any(|word| word == name);
                assert!(named, "{what}: {command}");
                let global = command.contains("storage buckets");
                assert!(global || command.contains("acme-demo"), "no project: {command}");
            }
        }
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(word("user:a.b@example.com"), "user:a.b@example.com");
        assert_eq!(word("a b'; rm"), r"'a b'\''; rm'");
        assert_eq!(word(""), "''");
        assert!(commands("p; ls").enable_api("x").ends_with("--project='p; ls'"));
    }
}
