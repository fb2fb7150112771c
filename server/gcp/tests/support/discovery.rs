//! Google's own description of its REST surfaces (discovery documents), as the judge of what we send. Found by `SHOWRUNNER_DISCOVERY`, a folder
//! with `bigquery.v2.json` and so on, as the Python package `google-api-python-client` brings it.

use std::path::PathBuf;

use serde_json::Value;

use super::bigquery::left_out;
use super::http::Request;

/// One surface's document.
pub struct Discovery {
    document: Value,
}

/// Introduces a list of allowed words in the text of a description, where there is no enum.
const LISTS: [&str; 3] = ["The following values are supported", "Possible values include", "Valid values are"];

impl Discovery {
    /// Reads it, or says that `what` is left out.
    pub fn read(name: &str, what: &str) -> Option<Discovery> {
        let Some(folder) = std::env::var_os("SHOWRUNNER_DISCOVERY").map(PathBuf::from) else {
            left_out(&format!(
                "{what}: set SHOWRUNNER_DISCOVERY to a folder with Google's discovery documents ({name}.json)"
            ));
            return None;
        };
        let path = folder.join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Some(Discovery { document: serde_json::from_str(&text).expect("a discovery document is JSON") })
    }

    /// The id of the method that a request is for, and what is wrong with the request.
    pub fn check(&self, request: &Request) -> (String, Vec<String>) {
        let prefix = format!("/{}", self.document["servicePath"].as_str().expect("a servicePath"));
        let Some(path) = request.path().strip_prefix(&prefix) else {
            return (String::new(), vec![format!("{} is not below {prefix}", request.target)]);
        };
        let mut methods = Vec::new();
        collect(&self.document["resources"], &mut methods);
        let fits = |method: &&&Value| {
            let template =
                method.get("flatPath").or_else(|| method.get("path")).and_then(Value::as_str).unwrap_or_default();
            method["httpMethod"] == request.method.as_str() && matches(template, path)
        };
        let Some(method) = methods.iter().find(fits) else {
            return (String::new(), vec![format!("Google has no method for {} {path}", request.method)]);
        };
        let mut problems = Vec::new();
        let query = request.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let mut given = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let parameter =
                method["parameters"].get(name.as_ref()).or_else(|| self.document["parameters"].get(name.as_ref()));
            match parameter.filter(|parameter| parameter["location"] == "query") {
                None => problems.push(format!("there is no parameter {name}")),
                Some(parameter) => self.parameter(&name, parameter, &value, &mut problems),
            }
            given.push(name.into_owned());
        }
        for (name, parameter) in method["parameters"].as_object().into_iter().flatten() {
            if parameter["location"] == "query" && parameter["required"] == true && !given.contains(name) {
                problems.push(format!("parameter {name} is missing"));
            }
        }
        match method.get("request") {
            Some(schema) => self.value("body", schema, &request.json(), &mut problems),
            None if request.body.is_empty() => {}
            None => problems.push("a body, where none is taken".to_owned()),
        }
        (method["id"].as_str().unwrap_or_default().to_owned(), problems)
    }

    fn parameter(&self, name: &str, parameter: &Value, text: &str, problems: &mut Vec<String>) {
        let value = match parameter["type"].as_str() {
            Some("boolean") => text.parse().map(Value::Bool).unwrap_or(Value::Null),
            Some("integer") => text.parse::<i64>().map(Value::from).unwrap_or(Value::Null),
            _ => Value::from(text),
        };
        self.value(name, parameter, &value, problems);
    }

    /// Compares a value with a schema, all the way down.
    pub fn value(&self, place: &str, schema: &Value, value: &Value, problems: &mut Vec<String>) {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.value(place, &self.document["schemas"][name], value, problems);
        }
        if schema["readOnly"] == true {
            problems.push(format!("{place} is Google's to set"));
        }
        match (schema["type"].as_str().unwrap_or("object"), value) {
            ("any", _) => {}
            ("object", Value::Object(map)) => {
                for (key, value) in map {
                    let place = format!("{place}.{key}");
                    match schema["properties"].get(key).or_else(|| schema.get("additionalProperties")) {
                        Some(schema) => self.value(&place, schema, value, problems),
                        None => problems.push(format!("{place} is no property")),
                    }
                }
            }
            ("array", Value::Array(items)) => {
                for (n, item) in items.iter().enumerate() {
                    self.value(&format!("{place}[{n}]"), &schema["items"], item, problems);
                }
            }
            ("string", Value::String(text)) => {
                if matches!(schema["format"].as_str(), Some("int64" | "uint64")) && text.parse::<i64>().is_err() {
                    problems.push(format!("{place} is {text:?}, which is no number"));
                }
                if let Some(allowed) = schema["enum"].as_array() {
                    if !allowed.iter().any(|word| word == text) {
                        problems.push(format!("{place} is {text:?}, not one of {allowed:?}"));
                    }
                } else if !is_listed(schema["description"].as_str().unwrap_or_default(), text) {
                    problems.push(format!("{place} is {text:?}, which its description does not list"));
                }
            }
            ("boolean", Value::Bool(_)) | ("integer" | "number", Value::Number(_)) => {}
            (wanted, other) => problems.push(format!("{place} is {other}, not of type {wanted}")),
        }
    }
}

fn collect<'a>(resources: &'a Value, methods: &mut Vec<&'a Value>) {
    for (_, resource) in resources.as_object().into_iter().flatten() {
        methods.extend(resource["methods"].as_object().into_iter().flatten().map(|(_, method)| method));
        collect(&resource["resources"], methods);
    }
}

/// Whether a path fits a template such as `projects/{projectsId}/jobs/{jobsId}:verb`.
fn matches(template: &str, path: &str) -> bool {
    let (parts, segments): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    parts.len() == segments.len()
        && parts.iter().zip(segments).all(|(part, segment)| {
            match part.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
                Some((_, end)) => segment.strip_suffix(end).is_some_and(|name| !name.is_empty() && !name.contains(':')),
                None => *part == segment,
            }
        })
}

/// Descriptions list what is allowed in capitals; other descriptions allow anything.
fn is_listed(description: &str, text: &str) -> bool {
    match LISTS.iter().find_map(|words| description.split_once(words)) {
        Some((_, list)) => {
            let mut words = list.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let in_capitals = list.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).any(|word| word.len() > 3);
            !in_capitals || words.any(|word| word == text)
        }
        None => true,
    }
}
