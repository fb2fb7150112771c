//! Info types and likelihoods, named as in Google's Sensitive Data Protection.

use serde::{Deserialize, Serialize};

macro_rules! info_types {
    ($($variant:ident $name:literal $title:literal,)*) => {
        /// A kind of personal data. All names but `USERNAME` are Google's; Google has no info type for a user name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum InfoType {
            $(#[doc = $title] #[serde(rename = $name)] $variant,)*
        }

        impl InfoType {
            /// All of them.
            pub const ALL: &[InfoType] = &[$(InfoType::$variant,)*];

            /// `EMAIL_ADDRESS`
            pub const fn name(self) -> &'static str {
                match self { $(InfoType::$variant => $name,)* }
            }

            /// For a sentence: 'e-mail address'.
            pub const fn title(self) -> &'static str {
                match self { $(InfoType::$variant => $title,)* }
            }
        }
    };
}

info_types! {
    EmailAddress "EMAIL_ADDRESS" "e-mail address",
    PhoneNumber "PHONE_NUMBER" "phone number",
    CreditCardNumber "CREDIT_CARD_NUMBER" "card number",
    CreditCardData "CREDIT_CARD_DATA" "card data",
    IbanCode "IBAN_CODE" "IBAN",
    FinancialAccountNumber "FINANCIAL_ACCOUNT_NUMBER" "bank account",
    IpAddress "IP_ADDRESS" "IP address",
    PersonName "PERSON_NAME" "person's name",
    FirstName "FIRST_NAME" "first name",
    LastName "LAST_NAME" "last name",
    StreetAddress "STREET_ADDRESS" "street address",
    DateOfBirth "DATE_OF_BIRTH" "date of birth",
    NationalInsurance "UK_NATIONAL_INSURANCE_NUMBER" "UK National Insurance number",
    NhsNumber "UK_NATIONAL_HEALTH_SERVICE_NUMBER" "NHS number",
    SocialSecurity "US_SOCIAL_SECURITY_NUMBER" "US Social Security number",
    Itin "US_INDIVIDUAL_TAXPAYER_IDENTIFICATION_NUMBER" "US taxpayer number (ITIN)",
    Npi "US_HEALTHCARE_NPI" "US health care provider number",
    Passport "PASSPORT" "passport number",
    DriversLicense "DRIVERS_LICENSE_NUMBER" "driving licence number",
    GovernmentId "GOVERNMENT_ID" "national identity number",
    MedicalRecord "MEDICAL_RECORD_NUMBER" "medical record number",
    Vehicle "VEHICLE_IDENTIFICATION_NUMBER" "vehicle number",
    Password "PASSWORD" "password",
    Username "USERNAME" "user name",
    Imei "IMEI_HARDWARE_ID" "IMEI of a phone",
    MacAddress "MAC_ADDRESS" "MAC address",
    AdvertisingId "ADVERTISING_ID" "advertising or device id",
    HttpCookie "HTTP_COOKIE" "cookie",
    Age "AGE" "age",
    Gender "GENDER" "gender",
    Location "LOCATION" "location",
    EthnicGroup "ETHNIC_GROUP" "ethnic group",
    MaritalStatus "MARITAL_STATUS" "marital status",
}

impl InfoType {
    /// The type with this name.
    pub fn from_name(name: &str) -> Option<InfoType> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for InfoType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How likely it is, as Google counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Likelihood {
    /// Next to nothing speaks for it.
    VeryUnlikely,
    /// More speaks against it.
    Unlikely,
    /// Reported from here on.
    Possible,
    /// Strong evidence.
    Likely,
    /// Strong evidence of more than one sort.
    VeryLikely,
}

impl Likelihood {
    /// `VERY_LIKELY`
    pub const fn name(self) -> &'static str {
        match self {
            Likelihood::VeryUnlikely => "VERY_UNLIKELY",
            Likelihood::Unlikely => "UNLIKELY",
            Likelihood::Possible => "POSSIBLE",
            Likelihood::Likely => "LIKELY",
            Likelihood::VeryLikely => "VERY_LIKELY",
        }
    }

    /// The likelihood with this name.
    pub fn from_name(name: &str) -> Option<Likelihood> {
        use Likelihood::*;
        [VeryUnlikely, Unlikely, Possible, Likely, VeryLikely].into_iter().find(|it| it.name() == name)
    }
}

impl std::fmt::Display for Likelihood {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
