#include "codec/fhir/primitive.h"

#include <algorithm>
#include <array>

namespace careledger::codec::fhir {

namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 && !is_space(c); }

bool all_of(std::string_view text, bool (*holds)(char)) { return std::all_of(text.begin(), text.end(), holds); }

// Reads exactly `count` digits from the front; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count || !all_of(text.substr(0, count), is_digit)) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value * 10 + (text[i] - '0');
  text.remove_prefix(count);
  return value;
}

bool take_char(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

enum class Precision : std::uint8_t { year, month, day, second };

struct Moment {
  int year = 0;
  int month = 1;
  int day = 1;
  std::int64_t ms_of_day = 0;
  std::int64_t ms_span = 1000;  // of the last digit of the seconds
  int zone_minutes = 0;
  Precision precision = Precision::year;
};

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_of(int year, int month) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[static_cast<std::size_t>(month) - 1];
}

// Days since 1970 of the first of a month, in the Gregorian calendar carried back.
std::int64_t days_since_1970(int year, int month, int day) {
  std::int64_t days = std::int64_t{365} * (year - 1970);
  days += (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
  for (int m = 1; m < month; ++m) days += days_of(year, m);
  return days + day - 1;
}

bool take_date(std::string_view& text, Moment& moment) {
  moment.year = take_digits(text, 4);
  if (moment.year < 1) return false;
  if (!take_char(text, '-')) return true;
  moment.month = take_digits(text, 2);
  moment.precision = Precision::month;
  if (moment.month < 1 || moment.month > 12) return false;
  if (!take_char(text, '-')) return true;
  moment.day = take_digits(text, 2);
  moment.precision = Precision::day;
  return moment.day >= 1 && moment.day <= days_of(moment.year, moment.month);
}

bool take_time(std::string_view& text, Moment& moment) {
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take_char(text, ':')) return false;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take_char(text, ':')) return false;
  const int second = take_digits(text, 2);
  if (second < 0 || second > 60) return false;
  moment.precision = Precision::second;
  moment.ms_of_day = ((std::int64_t{hour} * 60 + minute) * 60 + second) * 1000;
  if (!take_char(text, '.')) return true;
  const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (digits == 0) return false;
  moment.ms_span = digits == 1 ? 100 : (digits == 2 ? 10 : 1);
  for (std::size_t i = 0, unit = 100; i < std::min<std::size_t>(digits, 3); ++i, unit /= 10) {
    moment.ms_of_day += (text[i] - '0') * static_cast<std::int64_t>(unit);
  }
  text.remove_prefix(digits);
  return true;
}

bool take_zone(std::string_view& text, Moment& moment) {
  if (take_char(text, 'Z')) return true;
  const bool behind = text.starts_with('-');
  if (!behind && !text.starts_with('+')) return false;
  text.remove_prefix(1);
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 14 || !take_char(text, ':')) return false;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || (hour == 14 && minute != 0)) return false;
  moment.zone_minutes = (hour * 60 + minute) * (behind ? -1 : 1);
  return true;
}

std::optional<Moment> read_date_time(std::string_view text) {
  Moment moment;
  if (!take_date(text, moment)) return std::nullopt;
  if (text.empty()) return moment;
  if (moment.precision != Precision::day || !take_char(text, 'T')) return std::nullopt;
  if (!take_time(text, moment) || !take_zone(text, moment) || !text.empty()) return std::nullopt;
  return moment;
}

bool is_date(std::string_view text) {
  Moment moment;
  return take_date(text, moment) && text.empty();
}

bool is_time(std::string_view text) {
  Moment moment;
  return take_time(text, moment) && text.empty();
}

bool is_instant(std::string_view text) {
  const auto moment = read_date_time(text);
  return moment && moment->precision == Precision::second;
}

// -?(0|[1-9][0-9]*) within 32 bits and at least `low`; the number's text is JSON already.
bool is_integer(std::string_view text, std::int64_t low) {
  const bool negative = take_char(text, '-');
  if (text.empty() || text.size() > 10 || !all_of(text, is_digit) || (negative && text.starts_with('0'))) return false;
  std::int64_t value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  value = negative ? -value : value;
  return value >= low && value <= INT32_MAX;
}

// R4 allows a string a megabyte of characters; a document in a base64Binary may be longer.
bool is_string(std::string_view text) {
  constexpr std::size_t kCharactersMax = 1024 * 1024;
  if (text.empty() || std::any_of(text.begin(), text.end(), is_control)) return false;
  if (text.size() <= kCharactersMax) return true;
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; });
  return static_cast<std::size_t>(characters) <= kCharactersMax;
}

bool is_without_space(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20; });
}

bool is_code(std::string_view text) {
  if (text.empty() || is_space(text.front()) || is_space(text.back())) return false;
  bool after_space = false;
  for (const char c : text) {
    if (is_control(c) || (after_space && is_space(c))) return false;
    after_space = is_space(c);
  }
  return true;
}

bool is_oid(std::string_view text) {
  constexpr std::string_view kPrefix = "urn:oid:";
  if (!text.starts_with(kPrefix)) return false;
  text.remove_prefix(kPrefix.size());
  if (text.empty() || text.front() > '2' || text.front() < '0') return false;
  text.remove_prefix(1);
  if (text.empty()) return false;
  while (!text.empty()) {
    if (!take_char(text, '.')) return false;
    const std::size_t digits = std::min(text.find('.'), text.size());
    if (digits == 0 || !all_of(text.substr(0, digits), is_digit) || (digits > 1 && text.front() == '0')) return false;
    text.remove_prefix(digits);
  }
  return true;
}

bool is_uuid(std::string_view text) {
  constexpr std::string_view kForm = "urn:uuid:hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh";
  constexpr std::size_t kHead = 9;
  const auto fits = [](char c, char form) { return form == 'h' ? is_digit(c) || (c >= 'a' && c <= 'f') : c == form; };
  return text.size() == kForm.size() && text.starts_with(kForm.substr(0, kHead)) &&
         std::equal(text.begin() + kHead, text.end(), kForm.begin() + kHead, fits);
}

constexpr std::array<std::uint8_t, 256> base64_classes() {  // 1: one of the 64, 2: '=', 3: white space, 0: none
  std::array<std::uint8_t, 256> classes{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
    classes[static_cast<unsigned char>(c)] = 1;
  }
  classes['='] = 2;
  for (const char c : std::string_view(" \t\r\n")) classes[static_cast<unsigned char>(c)] = 3;
  return classes;
}

bool is_base64(std::string_view text) {
  static constexpr auto kClasses = base64_classes();
  std::size_t characters = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    switch (kClasses[static_cast<unsigned char>(c)]) {
      case 0: return false;
      case 1:
        if (padding != 0) return false;
        ++characters;
        break;
      case 2: ++padding; break;
      default: break;
    }
  }
  return characters != 0 && padding <= 2 && (characters + padding) % 4 == 0;
}

// Narrative text; that it is well-formed XHTML is for whoever shows it to judge.
bool is_xhtml(std::string_view text) {
  const std::size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  return text.substr(start).starts_with("<div");
}
}  // namespace

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; });
}

json::Kind json_kind(Primitive type) {
  switch (type) {
    case Primitive::boolean: return json::Kind::boolean;
    case Primitive::integer:
    case Primitive::positive_int:
    case Primitive::unsigned_int:
    case Primitive::decimal: return json::Kind::number;
    default: return json::Kind::string;
  }
}

std::string_view name_of(Primitive type) {
  static constexpr std::array<std::string_view, 20> kNames = {
      "boolean", "integer",   "positiveInt", "unsignedInt", "decimal", "string",   "markdown", "code", "id",           "uri",
      "url",     "canonical", "oid",         "uuid",        "date",    "dateTime", "instant",  "time", "base64Binary", "xhtml"};
  return kNames[static_cast<std::size_t>(type)];
}

bool is_valid(Primitive type, std::string_view text) {
  switch (type) {
    case Primitive::boolean: return true;
    case Primitive::integer: return is_integer(text, INT32_MIN);
    case Primitive::positive_int: return is_integer(text, 1);
    case Primitive::unsigned_int: return is_integer(text, 0);
    case Primitive::decimal: return true;  // R4 has the grammar of JSON
    case Primitive::string:
    case Primitive::markdown: return is_string(text);
    case Primitive::code: return is_code(text);
    case Primitive::id: return is_id(text);
    case Primitive::uri:
    case Primitive::url:
    case Primitive::canonical: return is_without_space(text);
    case Primitive::oid: return is_oid(text);
    case Primitive::uuid: return is_uuid(text);
    case Primitive::date: return is_date(text);
    case Primitive::date_time: return read_date_time(text).has_value();
    case Primitive::instant: return is_instant(text);
    case Primitive::time: return is_time(text);
    case Primitive::base64_binary: return is_base64(text);
    case Primitive::xhtml: return is_xhtml(text);
  }
  return false;
}

std::optional<Interval> interval_of(std::string_view date_time) {
  constexpr std::int64_t kDay = 86'400'000;
  const auto moment = read_date_time(date_time);
  if (!moment) return std::nullopt;
  const std::int64_t day = days_since_1970(moment->year, moment->month, moment->day);
  switch (moment->precision) {
    case Precision::year: return Interval{day * kDay, days_since_1970(moment->year + 1, 1, 1) * kDay};
    case Precision::month: return Interval{day * kDay, (day + days_of(moment->year, moment->month)) * kDay};
    case Precision::day: return Interval{day * kDay, (day + 1) * kDay};
    case Precision::second: break;
  }
  const std::int64_t low = day * kDay + moment->ms_of_day - std::int64_t{moment->zone_minutes} * 60'000;
  return Interval{low, low + moment->ms_span};
}

}  // namespace careledger::codec::fhir
