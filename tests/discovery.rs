//! Google's own description of its REST surfaces (discovery documents), as the judge of what is sent and shown. Found by
//! `SHOWRUNNER_DISCOVERY`, a folder with `bigquery.v2.json` and so on, as the Python package `google-api-python-client` brings it.
//!
//! What the descriptions say in words counts too, where the words are always the same: what is required, lists of allowed values, ranges.

use std::path::PathBuf;

use serde_json::Value;

use crate::left_out;

mod words;

use words::{Size, bounds, is_listed, length};

/// One surface's document.
pub struct Discovery {
    document: Value,
}

/// Looks at one request, or one value.
struct Look<'a> {
    document: &'a Value,
    /// The method's id, for what is required by one method only.
    method: &'a str,
    /// Names of the method's path parameters: what the path says need not be said again.
    path: Vec<&'a str>,
    /// Whether what is required has to be there.
    whole: bool,
    problems: Vec<String>,
}

/// How a method is called.
enum Way {
    /// JSON in, JSON out.
    Plain,
    /// With an object's content.
    Upload,
}

impl Discovery {
    /// Reads it, or says that `what` is left out.
    pub fn read(name: &str, what: &str) -> Option<Discovery> {
        let Some(folder) = std::env::var_os("SHOWRUNNER_DISCOVERY").map(PathBuf::from) else {
            left_out(
                what,
                &format!("set SHOWRUNNER_DISCOVERY to a folder with Google's discovery documents ({name}.json)"),
            );
            return None;
        };
        let path = folder.join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Some(Discovery { document })
    }

    /// Where the surface lies, for instance `https://storage.googleapis.com`.
    pub fn root(&self) -> &str {
        self.document["rootUrl"].as_str().unwrap_or_default().trim_end_matches('/')
    }

    /// The id of the method that a request is for, and what is wrong with the request. `target` is path and query, as sent.
    pub fn check(&self, verb: &str, target: &str, body: &[u8]) -> (String, Vec<String>) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let Some((method, way)) = self.method(verb, path) else {
            return (String::new(), vec![format!("Google has no method for {verb} {path}")]);
        };
        let parameters = || method["parameters"].as_object().into_iter().flatten();
        let id = method["id"].as_str().unwrap_or_default();
        let in_path = parameters().filter(|(_, parameter)| parameter["location"] == "path");
        let mut look = Look {
            document: &self.document,
            method: id,
            path: in_path.map(|(name, _)| name.as_str()).collect(),
            whole: verb != "PATCH",
            problems: Vec::new(),
        };
        let mut given: Vec<String> = Vec::new();
        let mut upload = String::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // A parameter of all of Google's APIs, which its clients send, and documents call `alt`
            // (<https://cloud.google.com/apis/docs/system-parameters>): how enums are written in the answer.
            if name == "$alt" && value == "json;enum-encoding=int" {
                continue;
            }
            let described = method["parameters"].get(name.as_ref());
            let described = described.or_else(|| self.document["parameters"].get(name.as_ref()));
            match described.filter(|parameter| parameter["location"] == "query") {
                None => look.problems.push(format!("there is no parameter {name}")),
                Some(parameter) => look.parameter(&name, parameter, &value),
            }
            let repeated = described.is_some_and(|parameter| parameter["repeated"] == true);
            if !repeated && given.contains(&name.to_string()) {
                look.problems.push(format!("parameter {name} is given twice"));
            }
            if name == "uploadType" {
                upload = value.into_owned();
            }
            given.push(name.into_owned());
        }
        for (name, parameter) in parameters().filter(|(_, parameter)| parameter["location"] == "query") {
            if (parameter["required"] == true || is_required(parameter)) && !given.contains(name) {
                look.problems.push(format!("parameter {name} is missing"));
            }
        }
        match (way, upload.as_str()) {
            // The content, which is anything.
            (Way::Upload, "media") => {}
            (Way::Upload, "resumable") if body.is_empty() => {}
            (Way::Upload, "resumable") => look.body(&method["request"], body),
            (Way::Upload, "multipart") => match first_part(body) {
                Some(part) => look.body(&method["request"], part),
                None => look.problems.push("the body has no first part".to_owned()),
            },
            (Way::Upload, other) => look.problems.push(format!("uploadType is {other:?}")),
            (Way::Plain, _) => match method.get("request") {
                Some(schema) => look.body(schema, body),
                None if body.is_empty() => {}
                None => look.problems.push("a body, where none is taken".to_owned()),
            },
        }
        (id.to_owned(), look.problems)
    }

    /// What is wrong with a value as the property of a schema, for instance `Subscription` and `ackDeadlineSeconds`.
    pub fn property(&self, schema: &str, property: &str, value: &Value) -> Vec<String> {
        let described = self.document["schemas"][schema]["properties"].get(property);
        let Some(described) = described else { return vec![format!("{schema} has no property {property}")] };
        let mut look =
            Look { document: &self.document, method: "", path: Vec::new(), whole: true, problems: Vec::new() };
        look.value(property, described, value);
        look.problems
    }

    fn method(&self, verb: &str, path: &str) -> Option<(&Value, Way)> {
        let mut methods = Vec::new();
        collect(&self.document["resources"], &mut methods);
        let base = format!("/{}", self.document["servicePath"].as_str().unwrap_or_default());
        methods.into_iter().filter(|method| method["httpMethod"] == verb).find_map(|method| {
            let template = method.get("flatPath").or_else(|| method.get("path")).and_then(Value::as_str)?;
            if path.strip_prefix(&base).is_some_and(|rest| matches(template, rest)) {
                return Some((method, Way::Plain));
            }
            let mut ways = method.pointer("/mediaUpload/protocols").and_then(Value::as_object)?.values();
            ways.any(|way| way["path"].as_str().is_some_and(|template| matches(template, path)))
                .then_some((method, Way::Upload))
        })
    }
}

impl Look<'_> {
    fn parameter(&mut self, name: &str, parameter: &Value, text: &str) {
        let value = match parameter["type"].as_str() {
            Some("boolean") => text.parse().map(Value::Bool).unwrap_or(Value::Null),
            Some("integer") => text.parse::<i64>().map(Value::from).unwrap_or(Value::Null),
            _ => Value::from(text),
        };
        self.value(name, parameter, &value);
    }

    fn body(&mut self, schema: &Value, body: &[u8]) {
        let value = serde_json::from_slice(body).unwrap_or(Value::Null);
        self.value("body", schema, &value);
    }

    /// Compares a value with a schema, all the way down.
    fn value(&mut self, place: &str, schema: &Value, value: &Value) {
        if schema["readOnly"] == true {
            self.problems.push(format!("{place} is Google's to set"));
        }
        let description = schema["description"].as_str().unwrap_or_default();
        if description.contains("must not be populated by the publisher") {
            self.problems.push(format!("{place} is Google's to set"));
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let document = self.document;
            return self.value(place, &document["schemas"][name], value);
        }
        match (schema["type"].as_str().unwrap_or("object"), value) {
            ("any", _) => {}
            ("object", Value::Object(map)) => self.object(place, schema, map),
            ("array", Value::Array(items)) => {
                if items.is_empty() && description.contains("Must not be empty") {
                    self.problems.push(format!("{place} is empty"));
                }
                for (n, item) in items.iter().enumerate() {
                    self.value(&format!("{place}[{n}]"), &schema["items"], item);
                }
            }
            ("string", Value::String(text)) => self.text(place, schema, text),
            ("boolean", Value::Bool(_)) => {}
            ("integer" | "number", Value::Number(number)) => {
                self.bounded(place, schema, number.as_f64().unwrap_or(f64::NAN));
            }
            (wanted, other) => self.problems.push(format!("{place} is {other}, not of type {wanted}")),
        }
    }

    fn object(&mut self, place: &str, schema: &Value, map: &serde_json::Map<String, Value>) {
        for (key, value) in map {
            let place = format!("{place}.{key}");
            match schema["properties"].get(key).or_else(|| schema.get("additionalProperties")) {
                Some(schema) => self.value(&place, schema, value),
                None => self.problems.push(format!("{place} is no property")),
            }
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten().filter(|_| self.whole) {
            let by_method = property.pointer("/annotations/required").and_then(Value::as_array);
            let by_method = by_method.is_some_and(|methods| methods.iter().any(|method| method == self.method));
            let by_path = place == "body" && self.path.contains(&key.as_str());
            if (by_method || is_required(property))
                && property["readOnly"] != true
                && !map.contains_key(key)
                && !by_path
            {
                self.problems.push(format!("{place}.{key} is missing"));
            }
        }
    }

    fn text(&mut self, place: &str, schema: &Value, text: &str) {
        let description = schema["description"].as_str().unwrap_or_default();
        match schema["format"].as_str() {
            Some("int64" | "uint64") if text.parse::<i64>().is_err() => {
                self.problems.push(format!("{place} is {text:?}, which is no number"));
            }
            Some("int64" | "uint64") => self.bounded(place, schema, text.parse().unwrap_or(f64::NAN)),
            Some("google-duration") => match text.strip_suffix('s').and_then(|seconds| seconds.parse::<f64>().ok()) {
                Some(seconds) => self.bounded(place, schema, seconds),
                None => self.problems.push(format!("{place} is {text:?}, which is no duration")),
            },
            Some("google-datetime" | "date-time") if !words::is_moment(text) => {
                self.problems.push(format!("{place} is {text:?}, which is no moment"));
            }
            Some("byte") if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=-_".contains(&b)) => {
                self.problems.push(format!("{place} is {text:?}, which is not base64"));
            }
            _ => {}
        }
        if let Some((least, most)) = length(description)
            && !(least..=most).contains(&text.chars().count())
        {
            self.problems.push(format!("{place} is {text:?}, which does not have {least} to {most} characters"));
        }
        if let Some(allowed) = schema["enum"].as_array() {
            if !allowed.iter().any(|word| word == text) {
                self.problems.push(format!("{place} is {text:?}, not one of {allowed:?}"));
            }
        } else if !is_listed(description, text) {
            self.problems.push(format!("{place} is {text:?}, which its description does not list"));
        }
    }

    /// Ranges of the format, of the schema, and of the description.
    fn bounded(&mut self, place: &str, schema: &Value, value: f64) {
        let format = match schema["format"].as_str() {
            Some("int32") => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
            Some("uint32") => Some((0.0, f64::from(u32::MAX))),
            Some("uint64") => Some((0.0, f64::INFINITY)),
            _ => None,
        };
        let number = |key: &str| schema[key].as_str().and_then(|text| text.parse::<f64>().ok());
        let stated = Some((number("minimum").unwrap_or(f64::NEG_INFINITY), number("maximum").unwrap_or(f64::INFINITY)));
        let said = bounds(schema["description"].as_str().unwrap_or_default());
        let said = said.filter(|(_, zero)| !(*zero && value == 0.0)).map(|(Size { least, most }, _)| (least, most));
        for (least, most) in [format, stated, said].into_iter().flatten() {
            if !(least..=most).contains(&value) {
                self.problems.push(format!("{place} is {value}, not between {least} and {most}"));
            }
        }
    }
}

/// Descriptions say first whether something is required.
fn is_required(schema: &Value) -> bool {
    let description = schema["description"].as_str().unwrap_or_default();
    ["Required. ", "[Required]", "Required; "].iter().any(|word| description.starts_with(word))
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

/// The first part of a body of several (`multipart/related`): the object's metadata.
fn first_part(body: &[u8]) -> Option<&[u8]> {
    let find = |from: usize, what: &[u8]| {
        body.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let line = find(0, b"\r\n")?;
    let boundary = body.get(..line).filter(|line| line.starts_with(b"--"))?;
    let begin = find(line, b"\r\n\r\n")? + 4;
    let end = find(begin, &[b"\r\n", boundary].concat())?;
    body.get(begin..end)
}
