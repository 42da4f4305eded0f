-- Sends each line of a file once, as a JSON body. Arguments: access token, file.

local the_thread

function setup(thread)
  the_thread = thread
end

function init(args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[1]
  lines = io.lines(args[2])
  created, refused = 0, 0
end

function request()
  return wrk.format(nil, nil, nil, lines())
end

function response(status, headers, body)
  if status == 201 then created = created + 1 else refused = refused + 1 end
end

function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d\n", the_thread:get("created"), the_thread:get("refused"), summary.duration))
end
