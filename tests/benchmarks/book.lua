-- One wrk thread that books a distinct free slot with each request and notes what was acknowledged.
-- Arguments: number of the first slot, access token, note to book under, file for acknowledged ids.
-- Slots go over the services first, so that consecutive requests belong to different partition keys.

local SERVICES, USERS, FIRST_USER = 200, 1000, 1001
local FIRST_YEAR, FIRST_HOUR, HOURS, DAYS, MONTHS = 2030, 9, 8, 28, 12

local BODY = '{"service_name":"Bench service %d","booking_date":"%04d-%02d-%02d","booking_time":"%02d:00",'
  .. '"user_id":%d,"notes":"%s"}'

local the_thread

function setup(thread)
  the_thread = thread
end

function init(args)
  slot, note = tonumber(args[1]), args[3]
  ids = io.open(args[4], "w")
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[2]
  sent, created, refused, first_refusal = 0, 0, 0, ""
end

function request()
  local service, rest = slot % SERVICES, math.floor(slot / SERVICES)
  local hour, days = rest % HOURS, math.floor(rest / HOURS)
  local day, months = days % DAYS, math.floor(days / DAYS)
  local body = string.format(BODY, service, FIRST_YEAR + math.floor(months / MONTHS), 1 + months % MONTHS, 1 + day,
    FIRST_HOUR + hour, FIRST_USER + slot % USERS, note)
  slot, sent = slot + 1, sent + 1
  return wrk.format(nil, nil, nil, body)
end

function response(status, headers, body)
  if status == 201 then
    created = created + 1
    local id = string.match(body, '"id":(%d+)')
    if id then ids:write(id, "\n") end
  else
    refused = refused + 1
    if refused == 1 then first_refusal = status .. " " .. body end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local get = function(name) return the_thread:get(name) end
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d %d\n", get("sent"), get("created"), get("refused"),
    summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write, errors.timeout))
  if get("refused") > 0 then io.write("REFUSAL " .. get("first_refusal"):gsub("%s+", " ") .. "\n") end
end
