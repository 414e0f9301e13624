// Reads the tables of tests/vectors/crypto. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace careledger::crypto {

class TestRow {
 public:
  explicit TestRow(std::map<std::string, std::string> fields) : fields_(std::move(fields)) {}
  const std::string& text(const std::string& column) const { return fields_.at(column); }
  Bytes bytes(const std::string& column) const { return from_hex(text(column)).value(); }
  unsigned number(const std::string& column) const { return static_cast<unsigned>(std::stoul(text(column))); }

 private:
  std::map<std::string, std::string> fields_;
};

inline std::vector<std::string> split_tabs(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char byte : line) {
    if (byte == '\t') {
      fields.emplace_back();
    } else {
      fields.back().push_back(byte);
    }
  }
  return fields;
}

inline std::vector<TestRow> read_table(const std::string& name) {
  std::ifstream file(std::string(CARELEDGER_SOURCE_DIR) + "/tests/vectors/crypto/" + name);
  EXPECT_TRUE(file.good()) << name;
  std::string line;
  std::getline(file, line);
  const auto columns = split_tabs(line.substr(2));
  std::vector<TestRow> rows;
  while (std::getline(file, line)) {
    const auto values = split_tabs(line);
    EXPECT_EQ(values.size(), columns.size()) << name << ": " << line;
    std::map<std::string, std::string> fields;
    for (std::size_t i = 0; i < columns.size(); ++i) fields[columns[i]] = values.at(i);
    rows.emplace_back(std::move(fields));
  }
  return rows;
}

}  // namespace careledger::crypto
