//! Tables as Apache Parquet: columns of optional values, in groups of rows, compressed with Snappy.

use super::ExportError;
use crate::table::{Column, Table, Values};
use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use ::parquet::schema::types::{Type, TypePtr};
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// Rows of a group: a reader takes in a group of a column at once.
const GROUP: usize = 1 << 16;

pub(crate) fn write(table: &Table<'_>) -> Result<Vec<u8>, ExportError> {
    let mut bytes = Vec::new();
    let mut writer = ParquetWriter::new(&mut bytes, table)?;
    let mut start = 0;
    while start < table.rows {
        let rows = start..(start + GROUP).min(table.rows);
        start = rows.end;
        writer.group(table, rows)?;
    }
    writer.close()?;
    Ok(bytes)
}

/// Writes a table group by group, so that not all of it has to be there at once.
pub(crate) struct ParquetWriter<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Columns and notes are those of `table`.
    pub(crate) fn new(out: W, table: &Table<'_>) -> Result<Self, ExportError> {
        let fields = table.columns.iter().map(field).collect::<Result<Vec<TypePtr>, _>>()?;
        let schema = Arc::new(Type::group_type_builder("attune").with_fields(fields).build()?);
        let notes = table
            .notes
            .iter()
            .map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("attune ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(notes.collect()))
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(out, schema, Arc::new(properties))?,
        })
    }

    /// Writes some rows of a table with the same columns.
    pub(crate) fn group(&mut self, table: &Table<'_>, rows: Range<usize>) -> Result<(), ExportError> {
        let mut group = self.writer.next_row_group()?;
        for column in &table.columns {
            let Some(mut writer) = group.next_column()? else { break };
            match &column.values {
                Values::Text(of) => {
                    let value = |row| of(row).map(|text| ByteArray::from(text.into_owned().into_bytes()));
                    put::<ByteArrayType>(&mut writer, rows.clone(), value)?;
                }
                Values::Float(of) => put::<FloatType>(&mut writer, rows.clone(), of)?,
                Values::Double(of) => put::<DoubleType>(&mut writer, rows.clone(), of)?,
                Values::Whole(of) => put::<Int64Type>(&mut writer, rows.clone(), of)?,
            }
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what stands at the end.
    pub(crate) fn close(self) -> Result<(), ExportError> {
        self.writer.close()?;
        Ok(())
    }
}

fn field(column: &Column<'_>) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.values {
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Values::Float(_) => (Physical::FLOAT, None),
        Values::Double(_) => (Physical::DOUBLE, None),
        Values::Whole(_) => (Physical::INT64, None),
    };
    let field = Type::primitive_type_builder(&column.name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL)
        .build()?;
    Ok(Arc::new(field))
}

/// Writes the values that are there, and for each row whether it has one (definition level 1).
fn put<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    rows: Range<usize>,
    value: impl Fn(usize) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows {
        let value = value(row);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}
