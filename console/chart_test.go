package console

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// at is a time in a zone.
func at(t *testing.T, zone, text string) (time.Time, *time.Location) {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", text, place)
	if err != nil {
		t.Fatal(err)
	}
	return when, place
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, zone, now, by string
		counted             string // the hour
		bar                 int    // in which it is; -1 for none
		label               string // of that bar
		before              float64
	}{
		{"the first hour of a day in China, which is another day in UTC", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-03-10 00:00", 29, "03-10", 0},
		{"the last hour of the day before", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-03-09 23:00", 28, "03-09", 0},
		{"the first hour that is shown", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-02-09 00:00", 0, "02-09", 0},
		{"the hour before that is of the days before, but later in the day", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-02-08 23:00", -1, "", 0},
		{"the same day before, half of an hour", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-02-08 12:00", -1, "", 50},
		{"the first day before", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-01-10 00:00", -1, "", 100},
		{"what was before that", "Asia/Shanghai", "2026-03-10 12:30", "month", "2026-01-09 23:00", -1, "", 0},
		{"the day on which summer time began has 23 hours", "Europe/Berlin", "2026-04-02 12:00", "month", "2026-03-29 23:00", 25, "03-29", 0},
		{"and the day after begins where it ends", "Europe/Berlin", "2026-04-02 12:00", "month", "2026-03-30 00:00", 26, "03-30", 0},
		{"the day on which it ended has 25", "Europe/Berlin", "2026-10-27 12:00", "month", "2026-10-25 23:00", 27, "10-25", 0},
		{"the hours of the night in which it began", "Europe/Berlin", "2026-03-29 12:00", "day", "2026-03-29 03:00", 14, "03:00", 0},
		{"the hour that is under way", "Asia/Shanghai", "2026-03-10 12:30", "day", "2026-03-10 12:00", 23, "12:00", 0},
		{"the first of 24 hours", "Asia/Shanghai", "2026-03-10 12:30", "day", "2026-03-09 13:00", 0, "13:00", 0},
		{"half of the hour before these", "Asia/Shanghai", "2026-03-10 12:30", "day", "2026-03-09 12:00", -1, "", 50},
		{"the hour before, in proportion", "Asia/Shanghai", "2026-03-10 12:15", "hour", "2026-03-10 11:00", 0, "11:00", 25},
		{"an hour of a clock that is ahead", "Asia/Shanghai", "2026-03-10 12:30", "day", "2026-03-10 13:00", -1, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			now, zone := at(t, c.zone, c.now)
			hour, _ := at(t, c.zone, c.counted)
			p := pick(c.by, now, zone)
			s := p.add([]Count{{hour.UTC(), Visits.String(), 100}, {hour.UTC(), "of a later version", 1}})
			bar := -1
			for i, n := range s.bars[Visits] {
				if n > 0 {
					bar = i
				}
			}
			if bar != c.bar || s.before[Visits] != c.before {
				t.Errorf("it is in bar %d, and %v of it before", bar, s.before[Visits])
			}
			if bar >= 0 && p.draw(s, zone)[1].Bars[bar].Label != c.label {
				t.Errorf("the bar is called %s", p.draw(s, zone)[1].Bars[bar].Label)
			}
		})
	}
}

func TestDraw(t *testing.T) {
	t.Parallel()
	now, zone := at(t, "Asia/Shanghai", "2026-03-10 12:30")
	hour := now.Truncate(time.Hour)
	p := pick("day", now, zone)
	charts := p.draw(p.add([]Count{
		{hour, LoginsDone.String(), 60},
		{hour, LoginsFailed.String(), 40},
		{hour.Add(-time.Hour), LoginsDone.String(), 50},
		{hour.Add(-2 * time.Hour), LoginsFailed.String(), 1},
		{hour.Add(-30 * time.Hour), LoginsDone.String(), 100},
		{hour.Add(-30 * time.Hour), LoginsFailed.String(), 41},
	}), zone)
	logins := charts[2]
	if logins.Most != 100 || logins.Figures[0].N != 110 || logins.Figures[0].Turn != "↑" || logins.Figures[0].Percent != 10 {
		t.Errorf("it comes to %+v", logins.Figures[0])
	}
	if f := logins.Figures[3]; f.N != 41 || f.Turn != "=" || !f.Bad {
		t.Errorf("what failed comes to %+v", f)
	}
	if f := logins.Figures[1]; f.Turn != "" {
		t.Errorf("what wasn't there before turns %s", f.Turn)
	}
	for i, want := range map[int][2]rect{23: {{40, 60}, {0, 40}}, 22: {{50, 50}, {50, 0}}, 21: {{100, 0}, {98, 2}}, 20: {{100, 0}, {100, 0}}} {
		if b := logins.Bars[i]; b.Good != want[0] || b.Bad != want[1] {
			t.Errorf("bar %d is %v and %v", i, b.Good, b.Bad)
		}
	}
	if grouped(1234567) != "1\u202f234\u202f567" || grouped(999) != "999" {
		t.Errorf("numbers are written %s, %s", grouped(1234567), grouped(999))
	}
}
