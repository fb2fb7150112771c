use super::*;

#[test]
fn every_table_is_planned_and_its_documented_columns_exist() {
    for table in tables() {
        let schema = schema(table).unwrap();
        for column in &table.columns {
            assert!(schema.field_with_name(column.name).is_ok(), "{}.{}", table.name, column.name);
        }
        for column in table.partition {
            assert!(schema.field_with_name(column).is_ok(), "{}.{column}", table.name);
        }
        let documented = table.zone == Zone::Silver || table.partition == BY_CUSTOMER;
        for field in schema.fields() {
            assert!(field.is_nullable(), "{}.{}", table.name, field.name());
            let has_text = table.columns.iter().any(|column| column.name == field.name());
            assert!(has_text || !documented, "{}.{} has no text", table.name, field.name());
        }
        assert!(!table.rules.is_empty(), "{} has no rule", table.name);
    }
}

#[test]
fn types_are_those_that_delta_stores() {
    use arrow::datatypes::{DataType, TimeUnit};
    let expected = [
        ("sessions", "date", DataType::Date32),
        ("sessions", "full_visitor_id", DataType::Utf8),
        ("sessions", "channel", DataType::Utf8),
        ("sessions", "start_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        ("sessions", "revenue", DataType::Decimal128(19, 6)),
        ("sessions", "bounces", DataType::Int64),
        ("sessions", "new_visit", DataType::Boolean),
        ("hits", "hit_time", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        ("products", "price", DataType::Decimal128(19, 6)),
        ("daily_kpis", "date", DataType::Date32),
        ("daily_kpis", "revenue", DataType::Decimal128(29, 6)),
        ("daily_kpis", "bounce_rate", DataType::Float64),
        ("product_performance", "quantity", DataType::Int64),
        ("visitor_features", "cutoff_date", DataType::Date32),
        ("visitor_features", "recency_days", DataType::Int64),
    ];
    for (name, column, data_type) in expected {
        let schema = schema(table(name).unwrap()).unwrap();
        assert_eq!(schema.field_with_name(column).unwrap().data_type(), &data_type, "{name}.{column}");
    }
    for table in tables() {
        for field in schema(table).unwrap().fields() {
            let plain = matches!(
                field.data_type(),
                DataType::Utf8
                    | DataType::Int64
                    | DataType::Float64
                    | DataType::Boolean
                    | DataType::Date32
                    | DataType::Decimal128(_, 6)
                    | DataType::Timestamp(TimeUnit::Microsecond, Some(_))
            );
            assert!(plain, "{}.{}: {}", table.name, field.name(), field.data_type());
        }
    }
}

#[test]
fn queries_of_the_report_have_titles_and_a_place_for_the_filter() {
    for query in report_queries() {
        let place = if query.name == "choices" { "{customer}" } else { "{where}" };
        assert!(!query.title.is_empty() && query.sql.contains(place), "{}", query.name);
        let filled = query.sql.replace(place, "customer = 'a'");
        assert!(!filled.contains('{'), "{}: {filled}", query.name);
    }
}
