//! The data lake's bucket for the engine, by `object_store`'s client of the XML surface: the one that Delta Lake and DataFusion read and
//! write by. Its commits are conditional puts (`x-goog-if-generation-match: 0`).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::client::{ClientOptions, CredentialProvider};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use showrunner_lake::{Error, ErrorKind, Result};

use crate::{ATTEMPTS, Access, DEADLINE, GcpConfig};

/// Tokens of the one layer of credentials, as `object_store` wants them.
#[derive(Debug)]
struct Tokens(Access);

#[async_trait]
impl CredentialProvider for Tokens {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let failed = |error: Error| object_store::Error::Unauthenticated { path: String::new(), source: error.into() };
        let bearer = self.0.token().await.map_err(failed)?.unwrap_or_default();
        Ok(Arc::new(GcpCredential { bearer }))
    }
}

/// The bucket as the engine's store.
///
/// # Errors
/// [`ErrorKind::Unavailable`] if the client cannot be made.
pub fn datalake(config: &GcpConfig, access: &Access, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    let endpoint = &config.endpoints.storage;
    let access = if endpoint.is_anonymous() { Access::anonymous() } else { access.clone() };
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(8),
            base: 2.0,
        },
        max_retries: ATTEMPTS as usize - 1,
        retry_timeout: DEADLINE,
    };
    let options = ClientOptions::new().with_allow_http(endpoint.is_anonymous()).with_timeout(DEADLINE);
    let built = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_base_url(endpoint.url())
        .with_credentials(Arc::new(Tokens(access)))
        .with_client_options(options)
        .with_retry(retry)
        .build();
    let store = built.map_err(|error| {
        Error::with(ErrorKind::Unavailable, format!("The client of gs://{bucket} could not be made."), error)
    })?;
    Ok(Arc::new(store))
}
