#include "codec/fhir/instant.h"

#include <fmt/format.h>

#include <chrono>

#include "base/assert.h"

namespace careledger::codec::fhir {
namespace {

// Exactly `count` digits from the front of `text`, which it shortens; -1 when they are not there.
int digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> milliseconds(std::string_view& text) {
  if (!take(text, '.')) return 0;
  int value = 0;
  int places = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (places < 3) value = value * 10 + (text.front() - '0');
    ++places;
    text.remove_prefix(1);
  }
  if (places == 0 || places > 12) return std::nullopt;
  for (; places < 3; ++places) value *= 10;
  return value;
}

std::optional<int> zone_minutes(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const int hours = digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int minutes = digits(text, 2);
  if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return std::nullopt;
  return (west ? -1 : 1) * (hours * 60 + minutes);
}

std::chrono::sys_time<std::chrono::milliseconds> moment_of(BlockTime time) {
  return std::chrono::sys_time<std::chrono::milliseconds>{std::chrono::milliseconds(time.value)};
}

// Of those that four digits can say, in UTC.
bool has_year(BlockTime time) {
  const int year = static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(moment_of(time))).year());
  return year >= 1 && year <= 9999;
}

}  // namespace

std::optional<BlockTime> parse_instant(std::string_view text) {
  const int year = digits(text, 4);
  if (year < 1 || !take(text, '-')) return std::nullopt;
  const int month = digits(text, 2);
  if (month < 1 || !take(text, '-')) return std::nullopt;
  const int day = digits(text, 2);
  if (day < 1 || !take(text, 'T')) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  const int hour = digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int minute = digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int second = digits(text, 2);
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return std::nullopt;
  const auto ms = milliseconds(text);
  const auto zone = ms ? zone_minutes(text) : std::nullopt;
  if (!zone || !text.empty()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const BlockTime time{((days * 24 + hour) * 60 + minute - *zone) * 60'000 + second * 1000 + *ms};
  return has_year(time) ? std::optional(time) : std::nullopt;  // a zone may lead out of the years
}

std::optional<BlockTime> parse_day(std::string_view text) {
  constexpr std::size_t kDayLength = 10;
  return text.size() == kDayLength ? parse_instant(std::string(text) + "T00:00:00Z") : std::nullopt;
}

std::string format_instant(BlockTime time) {
  CARELEDGER_ASSERT(has_year(time));
  const auto moment = moment_of(time);
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace careledger::codec::fhir
