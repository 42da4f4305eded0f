-- One request again and again, timed. Arguments: method, JSON body (may be empty).

local the_thread

function setup(thread)
  the_thread = thread
end

function init(args)
  wrk.method = args[1]
  if args[2] and args[2] ~= "" then
    wrk.body = args[2]
    wrk.headers["Content-Type"] = "application/json"
  end
  answered, refused = 0, 0
end

function response(status, headers, body)
  answered = answered + 1
  if status ~= 200 then refused = refused + 1 end
end

function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d\n", the_thread:get("answered"), the_thread:get("refused"),
    summary.duration, latency:percentile(50), latency:percentile(99), latency.max))
end
